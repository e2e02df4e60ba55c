"""A cursor of the change feed as the client holds it: 64 characters that say nothing to it, and that only we can make.

Inside are the epoch, the position and a tag: HMAC-SHA256 over both and the user, cut to 128 bits (RFC 2104 § 5).
"""

import base64
import hashlib
import hmac
import re
import struct
from dataclasses import dataclass
from typing import Self
from uuid import UUID

_FIELDS = struct.Struct(">16sQQ")
_TAG_BYTES = 16
_TEXT = re.compile(r"[A-Za-z0-9_-]{64}")  # 48 bytes without a bit left over: each has one spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """``position`` is the number of the newest change its follower has seen. ``run_after`` is 0, or, in a run from the
    beginning that has not passed it yet, the newest pruning it began after.
    """

    epoch: UUID
    position: int
    run_after: int = 0

    def seal(self, *, key: bytes, user_id: UUID) -> str:
        fields = _FIELDS.pack(self.epoch.bytes, self.position, self.run_after)
        return base64.urlsafe_b64encode(fields + _tag(fields, key=key, user_id=user_id)).decode()

    @classmethod
    def unseal(cls, text: str, *, key: bytes, user_id: UUID) -> Self | None:
        """None for what was not sealed with ``key`` for this user."""
        if not _TEXT.fullmatch(text):
            return None
        sealed = base64.urlsafe_b64decode(text)
        fields, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, _tag(fields, key=key, user_id=user_id)):
            return None
        epoch, position, run_after = _FIELDS.unpack(fields)
        return cls(epoch=UUID(bytes=epoch), position=position, run_after=run_after)


def _tag(fields: bytes, *, key: bytes, user_id: UUID) -> bytes:
    return hmac.new(key, b"cursor:1:" + user_id.bytes + fields, hashlib.sha256).digest()[:_TAG_BYTES]
