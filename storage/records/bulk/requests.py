"""Bodies of bulk requests, as JSON or as a CBOR sequence, read while they arrive."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from adiuva.api.cbor import SEQUENCE, read_arriving
from adiuva.api.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from adiuva.api.json_stream import ObjectReader
from storage.records.bulk.operations import Operation, parse_operation
from storage.staging import body_parts

JSON = "application/json"
MOST_RECORDS = 500
MOST_BYTES = 16 * 1024 * 1024  # of sealed bytes, in a batch or an answer
_MOST_VALUES = MOST_RECORDS * 40  # of a sequence: an operation has seven members, and some that nobody knows
_LISTED = "operations"


class BatchRequest:
    """``operations`` is iterated once, while the body arrives; ``is_atomic`` is known after that."""

    def __init__(self, request: Request) -> None:
        self.is_atomic = False
        self._request = request

    def operations(self) -> Iterator[tuple[Operation, bytes]]:
        """Each with its sealed bytes, none for a deletion.

        Raises:
            ValidationFailed: one is malformed, has an id that another one has, or there are too many.
            PayloadTooLarge: they are more than 16 MiB together.
            UnsupportedMediaType
        """
        seen: set[UUID] = set()
        left = MOST_BYTES
        for index, sent in enumerate(self._items()):
            if index == MOST_RECORDS:
                raise ValidationFailed({_LISTED: [f"At most {MOST_RECORDS} operations go in one request."]})
            operation, blob = parse_operation(sent, field=f"{_LISTED}.{index}")
            if operation.id in seen:
                raise ValidationFailed({f"{_LISTED}.{index}.id": ["This id is in the request twice."]})
            seen.add(operation.id)
            left -= len(blob)
            if left < 0:
                raise PayloadTooLarge(f"A batch holds at most {MOST_BYTES} bytes.", max_bytes=MOST_BYTES)
            yield operation, blob

    def _items(self) -> Iterator[Any]:
        parts = body_parts(self._request)
        return self._of_sequence(parts) if content_type_of(self._request) == SEQUENCE else self._of_json(parts)

    def _of_sequence(self, parts: Iterable[bytes]) -> Iterator[Any]:
        for index, item in enumerate(read_arriving(parts, most_values=_MOST_VALUES)):
            if index == 0 and isinstance(item, dict) and "op" not in item and "atomic" in item:
                self._set_atomic(item["atomic"])
            else:
                yield item

    def _of_json(self, parts: Iterable[bytes]) -> Iterator[Any]:
        is_there = False
        for key, value in ObjectReader(parts, listed=_LISTED).members():
            if key == _LISTED:
                if is_there:
                    yield value
                is_there = True
            elif key == "atomic":
                self._set_atomic(value)
        if not is_there:
            raise ValidationFailed({_LISTED: ["This field is required."]})

    def _set_atomic(self, value: Any) -> None:
        if not isinstance(value, bool | None):
            raise ValidationFailed({"atomic": ["This must be true or false."]})
        self.is_atomic = bool(value)


def requested_ids(request: Request) -> list[UUID]:
    """``{"ids": […]}``, each once, in their order.

    Raises:
        ValidationFailed, UnsupportedMediaType
    """
    parts = body_parts(request)
    ids: list[UUID] = []
    is_there = False
    for key, value in _members_of_ids(request, parts):
        if key == "ids":
            if is_there:
                ids.append(_id_of(value, index=len(ids)))
                if len(ids) > MOST_RECORDS:
                    raise ValidationFailed({"ids": [f"At most {MOST_RECORDS} ids go in one request."]})
            is_there = True
    if not is_there:
        raise ValidationFailed({"ids": ["This field is required."]})
    return list(dict.fromkeys(ids))


def _members_of_ids(request: Request, parts: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    if content_type_of(request) != SEQUENCE:
        yield from ObjectReader(parts, listed="ids").members()
        return
    items = list(read_arriving(parts, most_values=_MOST_VALUES))
    if len(items) != 1 or not isinstance(items[0], dict):
        raise ValidationFailed({"non_field_errors": ["The body must be one map."]})
    ids = items[0].get("ids")
    if ids is not None:
        if not isinstance(ids, list):
            raise ValidationFailed({"ids": ["This must be a list."]})
        yield "ids", None
        for value in ids:
            yield "ids", value


def _id_of(value: Any, *, index: int) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise ValidationFailed({f"ids.{index}": ["Must be a valid UUID."]})


def content_type_of(request: Request) -> str:
    """Raises ``UnsupportedMediaType`` for what is neither JSON nor a CBOR sequence."""
    content_type = (request.content_type or "").partition(";")[0].strip().lower()
    if content_type not in {JSON, SEQUENCE}:
        raise UnsupportedMediaType
    return content_type
