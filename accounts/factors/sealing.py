"""Secrets of authenticator apps at rest: AES-256-GCM under a key of the server's, bound to the factor and its user.

The key is derived from JWT_SECRET. A new JWT_SECRET must lock nobody out, so the keys of the old ones
(JWT_SECRET_FALLBACKS) still open what they sealed, and what is opened by one is sealed anew at its next use. Each
sealed text names its key by the first 64 bits of the key's SHA-256: which texts are of which key is one query.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12  # NIST SP 800-38D § 8.2.2: random, far fewer than 2³² uses a key


class UnreadableError(Exception):
    """The text was sealed under a key that is gone, or for another factor."""


def seal(secret: str, *, factor_id: UUID, user_id: UUID) -> str:
    """``<id of the key>.<base64 of nonce, ciphertext and tag>``."""
    key = bytes.fromhex(settings.FACTOR_SECRETS_KEY)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, secret.encode(), _binding(factor_id, user_id))
    return f"{_id_of(key)}.{base64.b64encode(nonce + sealed).decode()}"


def unseal(text: str, *, factor_id: UUID, user_id: UUID) -> str:
    """Raises ``UnreadableError``."""
    key_id, _, encoded = text.partition(".")
    key = {_id_of(key): key for key in _keys()}.get(key_id)
    if key is None:
        raise UnreadableError
    try:
        raw = base64.b64decode(encoded, validate=True)
        secret = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _binding(factor_id, user_id))
    except (ValueError, InvalidTag) as error:
        raise UnreadableError from error
    return secret.decode()


def current_prefix() -> str:
    """What texts sealed under the key of today begin with."""
    return f"{_id_of(bytes.fromhex(settings.FACTOR_SECRETS_KEY))}."


def readable_prefixes() -> tuple[str, ...]:
    """What texts begin with whose key is there, today's first."""
    return tuple(f"{_id_of(key)}." for key in _keys())


def _keys() -> Iterable[bytes]:
    return map(bytes.fromhex, (settings.FACTOR_SECRETS_KEY, *settings.FACTOR_SECRETS_FALLBACK_KEYS))


def _id_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def _binding(factor_id: UUID, user_id: UUID) -> bytes:
    """A text that is copied to another row opens nothing there."""
    return b"adiuva:factor:" + factor_id.bytes + user_id.bytes
