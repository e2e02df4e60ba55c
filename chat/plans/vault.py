"""Seals what is kept of a user, so that neither the cache's memory nor a Redis dump shows it.

The key is derived from the server's secret and the user's id: another user's entry cannot be opened by mistake, and
nothing opens once the secret has changed.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac


def seal(value: Mapping[str, Any], *, user_id: UUID) -> bytes:
    """``value`` as JSON, encrypted and authenticated, with the time in it."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _fernet(user_id).encrypt_at_time(plain, int(time.time()))


def unseal(sealed: bytes, *, user_id: UUID, max_age: int) -> dict[str, Any] | None:
    """None for what is older than ``max_age`` seconds, was sealed for another user or under another secret."""
    try:
        plain = _fernet(user_id).decrypt_at_time(sealed, ttl=max_age, current_time=int(time.time()))
    except InvalidToken:
        return None
    value: dict[str, Any] = json.loads(plain)
    return value


def _fernet(user_id: UUID) -> Fernet:
    key = salted_hmac("chat.plans.vault", str(user_id), algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
