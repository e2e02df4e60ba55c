"""An update of forty files, of which one line means harm."""

from typing import Any

from django.core.management import call_command

from accounts.models import User
from marketplace.models import PluginVersion
from tests.marketplace.review.submissions import Files, pack, publish, submit

HARM = '  window["ev" + "al"](atob(settings.motd));'
WHAT = "Runs text as code: eval by a name that is put together"


def module(number: int, *, lines: int = 200) -> list[str]:
    body = [f'import {{ start }} from "./lib/part{number}.js";', "", "/** Keeps one list in order. */"]
    body += ["export function sort%d(items) {" % number]  # noqa: UP031 - braces
    body += [f'  const key{line} = items[{line}] ?? "none {line}"; // step {line}' for line in range(lines - 6)]
    return [*body, "}", ""]


def as_file(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def forty_files(*, lines: int = 200) -> Files:
    return {f"src/part{number:02}.js": as_file(module(number, lines=lines)) for number in range(40)}


def update_of_forty_files() -> tuple[Files, Files]:
    """Before and after: a dozen files with harmless changes, and line 121 of one."""
    before = forty_files()
    after = dict(before)
    for number in range(0, 36, 3):
        lines = module(number)
        lines[20] = f"  const key16 = items.at(16) ?? fallback({number}); // step 16"
        lines.insert(150, "  audit(items);")
        after[f"src/part{number:02}.js"] = as_file(lines)
    harmed = module(31)
    harmed.insert(120, HARM)
    after["src/part31.js"] = as_file(harmed)
    after["logo.png"] = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    after["vendor/chart.min.js"] = ("var a=1;" * 4000).encode()
    return before, after


def finding(**fields: Any) -> dict[str, Any]:
    return {"file": "src/part31.js", "line": 121, "kind": "eval", "severity": "high", "what": WHAT, **fields}


def with_reach(version: PluginVersion, *findings: dict[str, Any], complete: bool = True) -> PluginVersion:
    version.reach = {"complete": complete, "findings": list(findings)}
    version.save(update_fields=["reach"])
    return version


def submit_update(files: Files, version: str = "1.1.0", **options: Any) -> PluginVersion:
    return submit(version=version, package=pack(files), **options)


def build() -> None:
    """Inside a server's own database: a live plugin of forty files, and its update that waits for a reviewer."""
    call_command("seed_demo", verbosity=0)
    boss = User.objects.create_user(email="lead-reviewer@example.com")
    before, after = update_of_forty_files()
    publish(boss, package=pack(before), entrypoint="src/part00.js")
    version = submit_update(after, entrypoint="src/part00.js")
    with_reach(version, finding(), finding(file="src/part01.js", line=7, what="Nothing that is new"))
