"""``Upload-Metadata`` and the other headers of tus 1.0, as a client sends them."""

import base64
import binascii
import re
from dataclasses import dataclass

from adiuva.api.errors import ValidationFailed
from storage.quota import MOST_BYTES

MOST_METADATA = 4096  # characters
ALGORITHMS = {"sha1": 20, "sha256": 32}  # bytes of a digest

_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")  # ASCII without space and comma


@dataclass(frozen=True, slots=True)
class PartChecksum:
    """Of one PATCH: ``algorithm`` as hashlib calls it."""

    algorithm: str
    digest: bytes


def read_metadata(header: str) -> dict[str, str]:
    """Pairs of a key and base64 of UTF-8, with commas between; a key may stand alone.

    Raises:
        ValidationFailed: for ``upload_metadata``.
    """
    if len(header) > MOST_METADATA:
        raise _refusal(f"At most {MOST_METADATA} characters.")
    fields: dict[str, str] = {}
    for pair in header.split(",") if header.strip() else []:
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in fields:
            raise _refusal("A key is missing, malformed or there twice.")
        try:
            fields[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise _refusal(f"The value of {key} is not base64 of UTF-8.") from None
    return fields


def _refusal(message: str) -> ValidationFailed:
    return ValidationFailed({"upload_metadata": [message]})


def read_size(text: str | None, *, field: str) -> int:
    """Bytes, as ``Upload-Length`` and ``Upload-Offset`` say them. Raises ``ValidationFailed``."""
    size = int(text) if text is not None and re.fullmatch(r"[0-9]{1,19}", text) else -1
    if not 0 <= size <= MOST_BYTES:
        raise ValidationFailed({field: ["Must be a whole number of bytes."]})
    return size


def read_checksum(text: str | None) -> PartChecksum | None:
    """``Upload-Checksum``: the algorithm, and base64 of the digest. Raises ``ValidationFailed``."""
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    try:
        digest = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if ALGORITHMS.get(algorithm) != len(digest):
        raise ValidationFailed(
            {"upload_checksum": [f"Must be one of {', '.join(ALGORITHMS)}, and base64 of a digest."]}
        )
    return PartChecksum(algorithm, digest)
