"""An encoder of CBOR, for requests."""

import struct
from typing import Any


def write(value: Any) -> bytes:  # noqa: C901, PLR0911 - a case each
    """As an encoder does it (RFC 8949 § 3), floats in 64 bits."""

    def head(major: int, number: int) -> bytes:
        for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if number < 24:
                return bytes([major * 32 + number])
            if number < 1 << (8 * size):
                return bytes([major * 32 + extra]) + number.to_bytes(size, "big")
        raise OverflowError(number)

    match value:
        case bool() | None:
            return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(write, value))
        case dict():
            return head(5, len(value)) + b"".join(write(key) + write(one) for key, one in value.items())
    raise TypeError(value)
