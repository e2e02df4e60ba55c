"""One file looked at, without a package or a process around it."""

from collections.abc import Collection
from typing import Any

from marketplace.review.reach.analysis import analyse_files


def look_at(code: str | bytes, *, name: str = "main.js", permissions: Collection[str] = (), **others: bytes) -> Any:
    """The report; ``others`` as ``name__js=…`` for ``name.js``."""
    source = code if isinstance(code, bytes) else code.encode("utf-8", "surrogatepass")
    files = {name: source} | {other.replace("__", "."): data for other, data in others.items()}
    readers = [(one, lambda data=data: data) for one, data in files.items()]
    return analyse_files(readers, permissions=permissions, entrypoint=name)


def told(code: str | bytes, **options: Any) -> set[tuple[int, str]]:
    """Line and kind of each finding."""
    return {(one["line"], one["kind"]) for one in look_at(code, **options)["findings"]}
