"""Envelopes and a ``kdf`` such as a client sends."""

import base64
import hashlib
from typing import Any

from tests.support.accounts import Account
from tests.support.client import ApiClient

SEALED = b"sealed master key"
KDF: dict[str, Any] = {
    "algorithm": "argon2id",
    "salt": base64.b64encode(b"0123456789abcdef").decode(),
    "memory_kib": 65536,
    "iterations": 3,
    "parallelism": 4,
}


def content() -> dict[str, str]:
    return {
        "blob": base64.b64encode(SEALED).decode(),
        "checksum": hashlib.sha256(SEALED).hexdigest(),
        "key_id": "key-1",
    }


def envelope(*, kind: str = "password", ref: str = "main") -> dict[str, str]:
    return {"kind": kind, "ref": ref, **content()}


def store_envelope(account: Account, kind: str, ref: str) -> None:
    answer = ApiClient().put(f"keys/envelopes/{kind}/{ref}", json=content(), token=account.access_token)
    assert answer.status == 200
