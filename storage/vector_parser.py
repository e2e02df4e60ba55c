"""JSON of many vectors, looked over before it is parsed.

16 MiB of ``[],[],[]`` would become a gigabyte of lists. What the largest request needs is known: ids, blobs and
checksums hold neither commas nor brackets, so counting them in the bytes bounds the values there can be.
"""

import io
from collections.abc import Mapping
from typing import IO, Any

from adiuva.api.errors import ValidationFailed
from adiuva.api.json import StrictJSONParser
from storage.vector_store import MAX_DIMENSION

MOST_VECTORS = 500
_SPARE = 10  # fields of a vector, those included that nobody knows
MOST_COMMAS = MOST_VECTORS * (MAX_DIMENSION + _SPARE)
MOST_BRACKETS = MOST_VECTORS * _SPARE


class VectorsParser(StrictJSONParser):
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = stream.read()
        if body.count(b",") > MOST_COMMAS or body.count(b"[") + body.count(b"{") > MOST_BRACKETS:
            raise ValidationFailed(
                {"vectors": [f"At most {MOST_VECTORS} vectors of {MAX_DIMENSION} dimensions go in one request."]}
            )
        return super().parse(io.BytesIO(body), media_type, parser_context)
