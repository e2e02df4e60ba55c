"""The BatchSpec as JSON Schema (draft 2020-12): what clients check and generate from, at ``GET /batches/schema``.

It says what the models say, which op and value each field of a table takes included; only a rule's own grammar, whether
it names its anchor, and that steps have different ids are more than a schema can say.
"""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from agents.actions import Table
from agents.batches.spec.batch_spec import (
    MAX_DAYS,
    MAX_SEARCH_CHARACTERS,
    MAX_VALUE_CHARACTERS,
    MAX_VALUES,
    BatchSpec,
)
from agents.batches.spec.vocabulary import FIELDS, TABLES, Field, FieldKind, Op

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID = "urn:adiuva:batch-spec:1"


@cache
def published() -> tuple[bytes, str]:
    """The schema as JSON, and its entity tag."""
    body = json.dumps(schema(), ensure_ascii=False, separators=(",", ":")).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()}"'


def schema() -> dict[str, Any]:
    found: dict[str, Any] = {"$schema": DIALECT, "$id": _ID, **copy.deepcopy(BatchSpec.model_json_schema())}
    found["$defs"]["Selection"]["allOf"] = [_conditions_of(table, FIELDS[table]) for table in TABLES]
    return found


def _conditions_of(table: Table, fields: Mapping[str, Field]) -> dict[str, Any]:
    alike: dict[Field, list[str]] = {}
    for name, field in fields.items():
        alike.setdefault(field, []).append(name)
    possible = [possible for field, names in alike.items() for possible in _possible(names, field)]
    return {
        "if": {"properties": {"table": {"const": table}}, "required": ["table"]},
        "then": {"properties": {"where": {"items": {"anyOf": possible}}}},
    }


def _possible(names: list[str], field: Field) -> Iterable[dict[str, Any]]:
    alike: dict[str, list[Op]] = {}
    for op in field.ops:
        alike.setdefault(json.dumps(_value(field, op)), []).append(op)
    for value, ops in alike.items():
        yield {"properties": {"field": {"enum": names}, "op": {"enum": ops}, "value": json.loads(value)}}


def _value(field: Field, op: Op) -> dict[str, Any]:
    match op:
        case "is_empty":
            return {"type": "boolean"}
        case "contains":
            return {"type": "string", "maxLength": MAX_SEARCH_CHARACTERS, "pattern": r"\S"}
        case "within_days" | "older_than_days":
            return {"type": "integer", "minimum": 0, "maximum": MAX_DAYS}
        case "in":
            return {"type": "array", "items": _one(field), "minItems": 1, "maxItems": MAX_VALUES}
        case _:
            return _one(field)


def _one(field: Field) -> dict[str, Any]:
    match field.kind:
        case FieldKind.FLAG:
            return {"type": "boolean"}
        case FieldKind.CHOICE:
            return {"enum": list(field.choices)}
        case FieldKind.DAY:
            return {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
        case _:
            return {"type": "string", "minLength": 1, "maxLength": MAX_VALUE_CHARACTERS[field.kind]}
