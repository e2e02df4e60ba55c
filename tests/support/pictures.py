"""The pictures of docs/screenshots, and what was on show when they were taken: a picture of another day's page is told
by the templates and stylesheets that have changed since.

What a page says is not looked at: its words are tested elsewhere, and a comment in a module changes no picture.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "screenshots"
TAKEN: Final = "taken.json"
_ALL: Final = ("adiuva/static/adiuva/theme.css", "adiuva/templates/unfold/**/*.html")
_DESK: Final = (*_ALL, "marketplace/static/marketplace/*.css")
_MARKETPLACE: Final = "marketplace/templates/marketplace/admin"
_OTHER_PAGES: Final = {"changes.html", "plugin.html", "report.html", "supersede.html"}
# By the beginning of a picture's name.
_SHOWN: Final = {
    "dashboard": (
        *_ALL,
        "adiuva/static/adiuva/dashboard.css",
        "adiuva/templates/admin/*",
        "adiuva/templates/dashboard/*",
    ),
    "changes": (*_DESK, *(f"{_MARKETPLACE}/{name}.html" for name in ("base", "changes", "changes_badges"))),
    "review": (*_DESK, f"{_MARKETPLACE}/*.html"),
}
_FRAME: Final = re.compile(r"^django-unfold==\S+", re.MULTILINE)  # of every page of the admin


def digest_of(name: str) -> str | None:
    """Of what the picture shows; None for a picture that is none of docs."""
    kind = name.partition("-")[0]
    if kind not in _SHOWN:
        return None
    paths = {path for pattern in _SHOWN[kind] for path in ROOT.glob(pattern)}
    if kind == "review":
        paths = {path for path in paths if path.name not in _OTHER_PAGES}
    digest = hashlib.sha256("".join(_FRAME.findall((ROOT / "requirements.txt").read_text())).encode())
    for path in sorted(paths):
        digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read_taken(folder: Path) -> dict[str, str]:
    file = folder / TAKEN
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return known


def remember(picture: Path) -> None:
    """Called for each that is taken."""
    digest = digest_of(picture.stem)
    if digest is not None:
        known = read_taken(picture.parent) | {picture.stem: digest}
        (picture.parent / TAKEN).write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    for one in FOLDER.glob("*.png"):
        remember(one)
