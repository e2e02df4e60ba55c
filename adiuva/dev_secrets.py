"""Secrets of a development machine: made on the first start, kept in ``$DATA_DIR``, never committed."""

import os
import secrets
from pathlib import Path

FILE_NAME = "dev-jwt-secret"


def development_secret(data_dir: Path) -> str:
    """The secret in ``data_dir``, made if there is none.

    Two first starts at the same time agree: the file is written aside and linked into place, and the link
    fails for the second one, which then reads the first one's.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        draft = data_dir / f".{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            return path.read_text()
        finally:
            draft.unlink()
    return path.read_text()
