"""An export as its owner sees it."""

import io
import json
import zipfile
from typing import Any

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient


def export(account: Account, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiClient().get("auth/export", token=account.access_token, headers=named)


def opened(content: bytes) -> zipfile.ZipFile:
    """Whole: every entry's CRC is that of its bytes."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def document(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))
