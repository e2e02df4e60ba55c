"""The pictures of docs are of today's pages, as far as their templates and stylesheets tell."""

from pathlib import Path

from tests.support.pictures import FOLDER, digest_of, read_taken, remember

AGAIN = """
These show pages whose templates or stylesheets have changed since. docs/screenshots/README.md has the command that
takes them anew: look at them, and commit them with taken.json. Where nobody sees the change:
.venv/bin/python -m tests.support.pictures"""


def test_every_picture_is_of_todays_page() -> None:
    today = {picture.stem: digest_of(picture.stem) for picture in FOLDER.glob("*.png")}
    taken = read_taken(FOLDER)
    old = sorted(name for name in today | taken if taken.get(name) is None or taken[name] != today.get(name))
    assert old == [], AGAIN


def test_a_picture_that_is_taken_is_remembered(tmp_path: Path) -> None:
    for name in ("changes-light", "dashboard-light", "sign-in"):
        remember(tmp_path / f"{name}.png")
    taken = read_taken(tmp_path)
    assert taken == {name: digest_of(name) for name in ("changes-light", "dashboard-light")}
    assert len(set(taken.values())) == len(taken)
