"""Where Qdrant's local engine keeps vectors: a folder for each user, with an engine of its own in it.

    users/{user id}/meta.json, users/{user id}/collection/adiuva_vectors_{dimension}/storage.sqlite
    removed/                    what is being deleted; nothing in it counts
    .lock                       held by the process that uses the folder

Nothing here loads the engine. A user's folder is there from the first vector on, so who has none is told apart, and
erased, without it, by any process.
"""

import contextlib
import errno
import shutil
from pathlib import Path
from uuid import UUID, uuid4

USERS = "users"
REMOVED = "removed"
META = "meta.json"  # the engine's list of collections: written before the first of them
SHARED_COLLECTIONS = "collection"


def folder_of(root: Path, user_id: UUID) -> Path:
    return root / USERS / str(user_id)


def is_in_use(folder: Path) -> bool:
    """Whether an engine has been in a user's folder."""
    return (folder / META).is_file()


def is_shared(root: Path) -> bool:
    """Whether vectors of all users lie together, as before each had a folder."""
    return (root / SHARED_COLLECTIONS).is_dir() or (root / META).is_file()


def holds_vectors(root: Path) -> bool:
    return is_shared(root) or (root / USERS).is_dir()


def holds_vectors_of(root: Path, user_id: UUID) -> bool:
    """Whether something may be there to erase, half of it removed included."""
    return is_shared(root) or folder_of(root, user_id).exists() or _removed_of(root, user_id).exists()


def list_users(root: Path) -> list[UUID]:
    """Those with a folder, in the order of their last writes, the latest first."""
    try:
        folders = [folder for folder in (root / USERS).iterdir() if _user_of(folder) is not None]
    except FileNotFoundError:
        return []
    written = {folder: _written_at(folder) for folder in folders}
    return [UUID(folder.name) for folder in sorted(folders, key=lambda folder: -written[folder])]


def remove_user(root: Path, user_id: UUID) -> None:
    """Nobody may be writing for that user; a process that has the folder open reads on, from files without a name.

    Raises OSError when something is left, which the next call removes; also when a server that starts takes the place
    away into which the folder is moved.
    """
    removed = _removed_of(root, user_id)
    if removed.exists():  # a removal that was cut short
        shutil.rmtree(removed)
    with contextlib.suppress(FileNotFoundError):
        move_away(folder_of(root, user_id), removed)
        shutil.rmtree(removed)
    if folder_of(root, user_id).exists():
        raise OSError(errno.EAGAIN, "a folder that is being removed is still there", str(user_id))


def remove_shared(root: Path) -> None:
    """Of the layout of before. What is moved away first counts as gone, whatever happens then."""
    with contextlib.suppress(FileNotFoundError):
        move_away(root / SHARED_COLLECTIONS, root / REMOVED / f"shared-{uuid4().hex}")
    (root / META).unlink(missing_ok=True)
    finish_removals(root)


def finish_removals(root: Path) -> None:
    """Those that were cut short."""
    shutil.rmtree(root / REMOVED, ignore_errors=True)


def move_away(folder: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    folder.rename(target)


def _removed_of(root: Path, user_id: UUID) -> Path:
    return root / REMOVED / str(user_id)


def _user_of(folder: Path) -> UUID | None:
    try:
        return UUID(folder.name)
    except ValueError:
        return None


def _written_at(folder: Path) -> float:
    """Of its databases and their logs; the engine touches nothing else when it writes."""
    times = [0.0]
    for file in folder.glob(f"{SHARED_COLLECTIONS}/*/storage.sqlite*"):
        with contextlib.suppress(FileNotFoundError):
            times.append(file.stat().st_mtime)
    return max(times)
