"""SHA-256 of sealed bytes, computed while they pass."""

import hashlib
import hmac

from adiuva.api.errors import ChecksumMismatch


def verify_checksum(expected: str, actual: str) -> bool:
    """Whether two lower-case hex digests are one, in a time that does not depend on where they differ."""
    return hmac.compare_digest(expected.encode(), actual.encode())


def reject_if_tampered(expected: str, actual: str) -> None:
    """Raises ``ChecksumMismatch`` unless the bytes are those the client hashed."""
    if not verify_checksum(expected, actual):
        raise ChecksumMismatch


def checksum_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
