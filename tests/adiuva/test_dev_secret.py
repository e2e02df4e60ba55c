"""The development machine's own secret: made once, kept in the data folder, the same for all who start at once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adiuva.environment import FILE_NAME, development_secret, is_weak


def test_it_is_made_once_and_read_ever_after(tmp_path: Path) -> None:
    first = development_secret(tmp_path)
    assert development_secret(tmp_path) == first
    assert (tmp_path / FILE_NAME).read_text() == first
    assert not is_weak(first)


def test_each_folder_has_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert development_secret(tmp_path / "a") != development_secret(tmp_path / "b")


def test_nobody_else_may_read_it_and_no_draft_stays_behind(tmp_path: Path) -> None:
    development_secret(tmp_path)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_all_who_start_at_once_agree(tmp_path: Path) -> None:
    for attempt in range(20):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with ThreadPoolExecutor(8) as pool:
            secrets = set(pool.map(development_secret, [folder] * 8))
        assert len(secrets) == 1
        assert [file.name for file in folder.iterdir()] == [FILE_NAME]
