"""The committed ``openapi.json``: what the code says, and examples that are true."""

import difflib
import json
from itertools import islice
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from tests.support import contract

MOST_LINES = 80


def test_it_is_what_the_code_says() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    said = OpenApiJsonRenderer().render(schema).decode()
    committed = contract.DOCUMENT.read_text()
    if said != committed:
        lines = difflib.unified_diff(
            committed.splitlines(), said.splitlines(), "openapi.json, committed", "openapi.json, of the code", n=2
        )
        shown = "\n".join(islice(lines, MOST_LINES))
        pytest.fail(f"openapi.json is out of date; `make schema` writes it anew.\n\n{shown}", pytrace=False)


def examples() -> list[tuple[str, Any]]:
    schemas = contract.document()["components"]["schemas"]
    return [(name, example) for name, schema in schemas.items() for example in schema.get("examples", [])]


@pytest.mark.parametrize(("name", "example"), examples(), ids=[name for name, _ in examples()])
def test_an_example_is_of_its_schema(name: str, example: Any) -> None:
    assert contract.violation(component=name, value=example) is None


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (
            200,
            {
                "id": "not-a-uuid",
                "email": "a@example.com",
                "email_verified": True,
                "locale": "en",
                "tier": "free",
                "created_at": "2026-01-01T00:00:00Z",
                "has_second_factor": False,
                "organization": None,
            },
            "$.id",
        ),
        (200, {"email": "a@example.com", "tier": "free"}, "required"),
        (418, {}, "does not name this status"),
    ],
)
def test_an_answer_that_it_does_not_foresee_is_refused(status: int, content: Any, reason: str) -> None:
    headers = {"Content-Type": "application/json", "X-Request-ID": "a"}
    with pytest.raises(AssertionError, match="auth/me") as refused:
        contract.check(
            method="GET", url="/api/v1/auth/me", status=status, headers=headers, content=json.dumps(content).encode()
        )
    assert reason in str(refused.value)


def test_an_answer_without_a_promised_header_is_refused() -> None:
    with pytest.raises(AssertionError, match="X-Request-ID"):
        contract.check(method="GET", url="/api/v1/health", status=200, headers={}, content=b"{}")


def test_a_frame_that_it_does_not_foresee_is_refused() -> None:
    with pytest.raises(AssertionError, match="text"):
        contract.check_frame({"type": "chunk"})
    with pytest.raises(AssertionError, match="does not name"):
        contract.check_frame({"type": "thought", "text": "…"})
