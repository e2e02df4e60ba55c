"""Envelopes and key derivations as a client sends them."""

import base64
import hashlib
import secrets
from typing import Any

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def content(blob: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """The body of a PUT."""
    sealed = secrets.token_bytes(60) if blob is None else blob
    return {
        "blob": encoded(sealed),
        "checksum": hashlib.sha256(sealed).hexdigest(),
        "key_id": "master-1",
    } | changes


def envelope(kind: str = "password", ref: str = "main", blob: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """An item of ``envelopes``."""
    return {"kind": kind, "ref": ref} | content(blob, **changes)


def kdf(**changes: Any) -> dict[str, Any]:
    return {
        "algorithm": "argon2id",
        "salt": encoded(secrets.token_bytes(16)),
        "memory_kib": 65536,
        "iterations": 3,
        "parallelism": 4,
    } | changes


def put(account: Account, name: str = "password/main", **kwargs: Any) -> Answer:
    """``json``, ``headers``: of the request."""
    return ApiClient().put(f"keys/envelopes/{name}", token=account.access_token, **{"json": content()} | kwargs)


def listed(account: Account, token: str = "") -> dict[str, Any]:
    """The account's envelopes by ``kind/ref``."""
    answer = ApiClient().get("keys/envelopes", token=token or account.access_token)
    assert answer.status == 200, answer
    return {f"{one['kind']}/{one['ref']}": one for one in answer.json["items"]}


def event_types(account: Account) -> list[str]:
    """Oldest first."""
    return list(account.user.security_events.order_by("id").values_list("type", flat=True))
