"""The examples of errors: each response shows the codes that its description names, with the fields of that case."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from adiuva.api.error_handler import WHOLE_BODY
from adiuva.api.errors import PROBLEM_CONTENT_TYPE, Problem

Document = dict[str, Any]

# The code of a status whose description names none. Of 401, 403, 410, 412, 422 there is no usual one.
USUAL: Final[Mapping[str, str]] = {
    "400": "validation_error",
    "402": "quota_exceeded",
    "404": "not_found",
    "408": "request_timeout",
    "409": "conflict",
    "413": "payload_too_large",
    "415": "unsupported_media_type",
    "416": "range_not_satisfiable",
    "429": "rate_limited",
    "502": "upstream_error",
    "503": "upstream_unavailable",
    "504": "upstream_timeout",
}
# What the instances of a class choose for themselves, by code; of several, the one with most of the fields and values
# that the description names in backticks, and the first where it names none.
_CASES: Final[Mapping[str, tuple[Document, ...]]] = {
    "checks_failed": (
        {
            "checks": [
                {
                    "code": "package_links",
                    "passed": False,
                    "message": "The package has links.",
                    "evidence": ["lib/main.js"],
                    "mode": "enforced",
                }
            ]
        },
    ),
    "checksum_mismatch": ({}, {"ids": ["4f6f2a0e-9b1c-4d8e-8a57-1f0c2b3d4e5f"]}),
    "conflict": (
        {},
        {
            "results": [
                {"id": "4f6f2a0e-9b1c-4d8e-8a57-1f0c2b3d4e5f", "status": 412, "code": "precondition_failed"},
            ]
        },
    ),
    "feature_not_available": ({"required_tier": "pro"}, {"required_tier": "power"}, {"required_tier": "team"}),
    "lease_held": ({"lease_expires_at": "2026-11-22T18:30:05.061422Z"},),
    "not_buildable": ({"reason": "A batch cannot send mail."},),
    "payload_too_large": ({}, {"max_bytes": 524_288}),
    "payment_required": ({"checkout_url": "https://checkout.stripe.com/c/pay/cs_test_a1B2c3"},),
    "precondition_failed": ({"etag": '"2-60303ae22b998861"'}, {"etag": None}),
    "quota_exceeded": (
        {"limit_bytes": 5_368_709_120, "used_bytes": 5_368_708_900, "requested_bytes": 1000},
        {
            "detail": "Every seat of the organisation is taken.",
            "resource": "seats",
            "limit": 5,
            "used": 5,
        },
        {
            "detail": "The tier has no room for one more active batch.",
            "resource": "batch_active",
            "limit": 2,
            "used": 2,
            "required_tier": "pro",
        },
        {
            "detail": "Too few of this month's tokens are left for this.",
            "resource": "llm_tokens",
            "limit": 100_000,
            "used": 99_200,
            "resets_at": "2026-12-01T00:00:00Z",
        },
    ),
    "range_not_satisfiable": ({"size_bytes": 4},),
    "rate_limited": ({"retry_after": 12},),
    "resync_required": (
        {
            "detail": "Deletions since then are forgotten; start again with since=0 and drop what does not come.",
            "reason": "pruned",
        },
    ),
    "second_factor_required": (
        {
            "challenge_id": "7d1f0b52-3b7e-4f4b-9a55-0c2f6f1d9e10",
            "methods": ["totp", "recovery_code"],
            "expires_in": 300,
        },
    ),
    "sso_required": ({}, {"organization": "0b9d5c1e-6a43-4f0e-8f0b-2f6f2b1c7d3a"}),
    "taken_down": ({"reason": "It sent records to a third party."},),
    "upstream_error": ({}, {"detail": "The provider does not take this key.", "reason": "auth"}),
}
# Of these the detail says what the description says after the code.
_SAYS_MORE = {"conflict", "permission_denied"}
_NAMED = re.compile(r"`(\w+)`")
_REQUIRED, _WRONG = "This field is required.", "This is not a valid value."


class Examples:
    """Of the errors of one document. ``shared`` are those that more than one operation can show, for its components."""

    def __init__(self, schemas: Document) -> None:
        self._schemas = schemas
        self._classes = _classes()
        self.shared: Document = {}

    def add(self, response: Document, status: str, *, operation: Document) -> None:
        """To an error that is a problem document; the description gets its code where it names none.

        Raises:
            LookupError: the description names no code where there is no usual one, or one of another status.
        """
        media = response.get("content", {}).get(PROBLEM_CONTENT_TYPE)
        if media is None:
            return
        codes = self._codes(status, response["description"])
        response["description"] = description = _with_code(codes[0], response["description"])
        media["examples"] = {code: self._example(int(status), code, description, operation) for code in codes}

    def _codes(self, status: str, description: str) -> list[str]:
        known = {code for _, code in self._classes}
        named = [word for word in re.findall(r"[a-z_]+", description) if word in known]
        codes = list(dict.fromkeys(named)) or [USUAL.get(status, "none")]
        for code in codes:
            if (int(status), code) not in self._classes:
                raise LookupError(f"{status} {description!r}: name the code; {code} is not one of {status}")
        return codes

    def _example(self, status: int, code: str, description: str, operation: Document) -> Document:
        kind, said = self._classes[status, code], _clause(code, description)
        document = {
            "type": f"urn:adiuva:problem:{code}",
            "title": kind.title,
            "status": status,
            "detail": kind.default_detail,
            "code": code,
            "request_id": "0f3c2f9e6d0b4b7e",
        }
        if code == "validation_error":
            wrong = _wrong_fields(_NAMED.findall(said), operation, self._schemas)
            return {"value": document | {"errors": wrong}}
        cases, named = _CASES.get(code, ({},)), set(_NAMED.findall(description))
        case = max(cases, key=lambda case: len(named & _words(case)))
        if said and code in _SAYS_MORE:
            return {"value": document | {"detail": _sentence(said)} | case}
        number = cases.index(case)
        name = f"{status}_{code}_{number + 1}" if number else f"{status}_{code}"
        self.shared[name] = {"value": document | case}
        return {"$ref": f"#/components/examples/{name}"}


def _classes() -> dict[tuple[int, str], type[Problem]]:
    """By status and code; of two with the same ones, the more general."""
    found: dict[tuple[int, str], type[Problem]] = {}
    level = [Problem]
    while level:
        for one in level:
            found.setdefault((one.status, one.code), one)
        level = [below for one in level for below in one.__subclasses__()]
    return found


def _with_code(code: str, description: str) -> str:
    return description if code in description else f"{code}: {description[0].lower()}{description[1:]}"


def _words(case: Document) -> set[str]:
    return {*case, *(json.dumps(value).strip('"') for value in case.values())}


def _clause(code: str, description: str) -> str:
    """What the description says of the code: of ``conflict: the run is finished; …``, ``the run is finished``."""
    said = re.search(rf"\b{code}: ([^;]+)", description)
    return said[1] if said else ""


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}."


def _wrong_fields(named: Sequence[str], operation: Document, schemas: Document) -> dict[str, list[str]]:
    """The mistake that is nearest at hand: a field that the description names, one of the body, a page, a parameter."""
    if named:
        return {named[0]: [_WRONG]}
    for schema in _bodies(operation, schemas):
        if schema.get("required"):
            return {schema["required"][0]: [_REQUIRED]}
        if schema.get("properties"):
            return {next(iter(schema["properties"])): [_WRONG]}
    of_query = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
    if any(one["name"] == "page" for one in of_query):
        return {"page": ["Must be a whole number of at least 1."]}
    if of_query:
        return {of_query[0]["name"]: [_REQUIRED if of_query[0].get("required") else _WRONG]}
    return {WHOLE_BODY: ["The request is not acceptable."]}


def _bodies(operation: Document, schemas: Document) -> Iterator[Document]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = media.get("schema", {})
        yield schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
