"""Secrets at rest that the server must be able to read: AES-256-GCM under a key of the server's.

The key is derived from JWT_SECRET. A new JWT_SECRET must lock nobody out, so the keys of the old ones
(JWT_SECRET_FALLBACKS) still open what they sealed, and what is opened by one is sealed anew at its next use. Each
sealed text names its key by the first 64 bits of the key's SHA-256: which texts are of which key is one query.
"""

import base64
import functools
import hashlib
import operator
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db.models import Q, QuerySet

_NONCE_BYTES = 12  # NIST SP 800-38D § 8.2.2: random, far fewer than 2³² uses a key


class UnreadableError(Exception):
    """The text was sealed under a key that is gone, or for another row."""


@dataclass(frozen=True, slots=True)
class Seal:
    """For secrets of one kind. ``key`` and ``fallback_keys`` name the settings that hold today's key and those of old
    secrets, as hex. ``binding`` says whose a text is: copied to another row it opens nothing there.
    """

    key: str
    fallback_keys: str

    def seal(self, secret: str, *, binding: bytes) -> str:
        """``<id of the key>.<base64 of nonce, ciphertext and tag>``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._today).encrypt(nonce, secret.encode(), binding)
        return f"{_id_of(self._today)}.{base64.b64encode(nonce + sealed).decode()}"

    def unseal(self, text: str, *, binding: bytes) -> str:
        """Raises ``UnreadableError``."""
        key_id, _, encoded = text.partition(".")
        key = {_id_of(key): key for key in self._keys()}.get(key_id)
        if key is None:
            raise UnreadableError
        try:
            raw = base64.b64decode(encoded, validate=True)
            secret = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], binding)
        except (ValueError, InvalidTag) as error:
            raise UnreadableError from error
        return secret.decode()

    def current_prefix(self) -> str:
        """What texts sealed under the key of today begin with."""
        return f"{_id_of(self._today)}."

    def readable_prefixes(self) -> tuple[str, ...]:
        """What texts begin with whose key is there, today's first."""
        return tuple(f"{_id_of(key)}." for key in self._keys())

    @property
    def _today(self) -> bytes:
        return bytes.fromhex(getattr(settings, self.key))

    def _keys(self) -> Iterable[bytes]:
        return (self._today, *map(bytes.fromhex, getattr(settings, self.fallback_keys)))


def _id_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def count_by_key(rows: QuerySet[Any], column: str, *, prefixes: Sequence[str]) -> tuple[int, int]:
    """How many of the texts in ``column`` no key opens any more, and how many are not sealed under today's.

    ``prefixes``: ``Seal.readable_prefixes``.
    """
    begins_with = [Q(**{f"{column}__startswith": prefix}) for prefix in prefixes]
    lost = rows.exclude(functools.reduce(operator.or_, begins_with)).count()
    return lost, rows.exclude(begins_with[0]).count()
