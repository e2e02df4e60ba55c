"""The ``Idempotency-Key`` request header, as Stripe and the IETF draft have it."""

import re

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from adiuva.api.errors import ValidationFailed

HEADER = "Idempotency-Key"
LONGEST = 255  # Stripe's

_KEY = re.compile(rf"[\x21-\x7e]{{1,{LONGEST}}}")

PARAMETER = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "Makes a repetition safe: the same key with the same body is answered as it was the first time, for 24 hours; "
        f"with another body it is 422. 1 to {LONGEST} visible ASCII characters, for instance a UUID."
    ),
)


def idempotency_key(request: Request) -> str | None:
    """None when there is no such header. Raises ValidationFailed for one that cannot be a key."""
    key = request.headers.get(HEADER)
    if key is not None and not _KEY.fullmatch(key):
        raise ValidationFailed({HEADER: [f"This is not a key: 1 to {LONGEST} visible ASCII characters."]})
    return key
