"""The findings of a whole package: a pure function of its files, its entrypoint and what its manifest declares."""

import posixpath
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from marketplace.review.reach.credentials import look_at_credentials
from marketplace.review.reach.elements import look_at_elements
from marketplace.review.reach.findings import report_of
from marketplace.review.reach.looking import Collected, Lines, Look
from marketplace.review.reach.markup import Piece, grammar_of, look_at_styles, pieces_of
from marketplace.review.reach.obfuscation import look_at_text, look_at_tree
from marketplace.review.reach.permissions import compare, look_at_permissions
from marketplace.review.reach.references import look_at_references
from marketplace.review.reach.syntax import HTML, JAVASCRIPT, TSX, Deadline, Node, OutOfTimeError, TooMuchError, parse
from marketplace.submissions.validators.contents import SCRIPT_SUFFIXES, suffix_of

SECONDS: Final = 15.0
MAX_PIECES: Final = 2_000  # of one page
MAX_PAGES_IN_PAGES: Final = 4
_ALSO_CODE: Final = frozenset({".svg", ".xhtml", ".wasm", ".css"})
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
_NO_CODE: Final = frozenset({".json", ".css", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".woff", ".woff2"})
_WASM: Final = b"\0asm"
_OUT_OF_TIME: Final = "There was not enough time to look at everything."
_OUT_OF_MEMORY: Final = "There was not enough memory to look at everything."

_RULES: Final = (look_at_references, look_at_elements, look_at_credentials, look_at_tree, look_at_permissions)

Read = Callable[[], bytes]


@dataclass(slots=True)
class _Package:
    files: dict[str, Read]
    deadline: Deadline
    collected: Collected = field(default_factory=Collected)
    unparsed: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def analyse_files(
    files: Sequence[tuple[str, Read]], *, permissions: Collection[str], entrypoint: str = "", seconds: float = SECONDS
) -> dict[str, Any]:
    """The report (``findings.report_of``). ``files``: names, and how to read each, which may raise ``OSError``.

    Code is what has the name of it, the entrypoint, and what other code imports.
    """
    package = _Package(files=dict(files), deadline=Deadline(seconds))
    waiting = [name for name in package.files if is_code(name) or name == entrypoint]
    while waiting and not package.reasons:
        for name in waiting:
            package.seen.add(name)
            _look_at_file(package, name)
            if package.reasons:
                package.unparsed += [one for one in waiting if one not in package.seen]
                break
        waiting = [name for name in _imported(package) if name not in package.seen]
    if package.collected.is_full:
        package.reasons.append("There is too much to tell.")
    is_complete = not package.reasons and not package.unparsed
    found = [*package.collected.findings, *compare(package.collected, permissions, is_complete=is_complete)]
    parsed = len(package.seen - set(package.unparsed))
    return report_of(found, files=parsed, unparsed=package.unparsed, reasons=package.reasons)


def is_code(name: str) -> bool:
    return suffix_of(name) in SCRIPT_SUFFIXES | _ALSO_CODE


def _imported(package: _Package) -> Iterator[str]:
    """Files of any name that code loads as code."""
    for importer, module in sorted(package.collected.imports):
        if module.startswith((".", "/")):
            folder = posixpath.dirname(importer) if module.startswith(".") else ""
            name = posixpath.normpath(posixpath.join(folder, module.lstrip("/").split("?")[0]))
            if name in package.files and suffix_of(name) not in _NO_CODE:
                yield name


def _look_at_file(package: _Package, name: str) -> None:
    """Whatever goes wrong with one file leaves the others be."""
    try:
        source = package.files[name]()
        is_wide = source.startswith(_WIDE)
        if is_wide:  # a browser reads UTF-16, too
            source = source.decode("utf-16", "replace").encode()
        lines = Lines(source)
        if source.startswith(_WASM):
            empty = Look(name, b"", Node("program", 0, 0, None, None), lines.place, package.collected, package.deadline)
            empty.tell(0, "code_from_text", "medium", "A WebAssembly module: nobody has looked into it.")
            return
        if is_wide:
            told = Look(
                name, source, Node("program", 0, 0, None, None), lines.place, package.collected, package.deadline
            )
            told.tell(0, "hidden", "medium", "The file is in UTF-16, which many tools cannot search.")
        if not _look_at_source(package, name, source, lines):
            package.unparsed.append(name)
    except OutOfTimeError:
        package.reasons.append(_OUT_OF_TIME)
        package.unparsed.append(name)
    except MemoryError:
        package.reasons.append(_OUT_OF_MEMORY)
        package.unparsed.append(name)
    except (TooMuchError, OSError):
        package.unparsed.append(name)


def _look_at_source(package: _Package, name: str, source: bytes, lines: Lines) -> bool:
    """Whether all of it was understood."""
    look = Look(name, source, Node("program", 0, 0, None, None), lines.place, package.collected, package.deadline)
    if suffix_of(name) == ".css":
        look_at_styles(look, 0, len(source))
        return True
    look_at_text(look)
    grammar = grammar_of(suffix_of(name))
    if grammar == HTML:
        return _look_at_page(package, name, source, lines.place, depth=0)
    return _look_at_code(package, name, source, grammar, lines.place)


def _look_at_page(
    package: _Package, name: str, source: bytes, place: Callable[[int], tuple[int, int]], *, depth: int
) -> bool:
    root, _ = parse(source, (HTML,), package.deadline)  # a browser understands any page, and so does the grammar
    page = Look(name, source, root, place, package.collected, package.deadline)
    is_understood = True
    for count, piece in enumerate(pieces_of(page)):
        if count >= MAX_PIECES:
            raise TooMuchError("A page has too many scripts.")
        where = _place_of(piece, place)
        if piece.grammar != HTML:
            is_understood &= _look_at_code(package, name, piece.source, piece.grammar, where) or not piece.exact
        elif depth < MAX_PAGES_IN_PAGES:
            is_understood &= _look_at_page(package, name, piece.source, where, depth=depth + 1)
        else:
            is_understood = False
    return is_understood


def _place_of(piece: Piece, place: Callable[[int], tuple[int, int]]) -> Callable[[int], tuple[int, int]]:
    return (lambda offset: place(piece.at + offset)) if piece.exact else (lambda _: place(piece.at))


def _look_at_code(
    package: _Package, name: str, source: bytes, grammar: str, place: Callable[[int], tuple[int, int]]
) -> bool:
    grammars = (JAVASCRIPT, TSX) if grammar == JAVASCRIPT else (grammar,)  # whose types many leave in their .js
    root, is_understood = parse(source, grammars, package.deadline)
    look = Look(name, source, root, place, package.collected, package.deadline)
    for rule in _RULES:
        package.deadline.check()
        try:
            rule(look)
        except RecursionError:  # the others have their turn
            is_understood = False
    return is_understood
