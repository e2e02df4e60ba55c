"""A vector out of sealed bytes, for clients that send none.

Equal blobs have equal vectors and a cosine of 1; of other blobs the vectors say nothing about each other.
The formula is part of what clients rely on, because vectors that were stored with it are searched with it.
"""

import hashlib
import math

DIMENSION = 32


def derived_vector(blob: bytes) -> list[float]:
    """``v[i] = (b[i] - 127.5) / |…|`` for the 32 bytes ``b`` of SHA-256(blob): 32 floats of length 1.

    The centre of a byte's range is no byte, so that no component is ever 0, and random blobs are about orthogonal.
    """
    centred = [byte - 127.5 for byte in hashlib.sha256(blob).digest()]
    length = math.sqrt(math.fsum(value * value for value in centred))
    return [value / length for value in centred]
