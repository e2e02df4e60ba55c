"""What ``openapi.json`` says of each operation: which errors look how, which numbers are taken, what must be sent."""

from collections.abc import Iterator
from typing import Any

import pytest

from adiuva.api.errors import PROBLEM_CONTENT_TYPE
from adiuva.api.openapi.hooks import READY_PATH
from tests.repository.test_api_document import codes_of_the_server
from tests.support import contract

METHODS = {"get", "post", "put", "patch", "delete"}
# Each of these means something without a body, as with an empty one.
NEED_NO_BODY = {
    "startTotp": "a factor without a name",
    "changeProfile": "nothing changes",
    "createPasskeyLoginOptions": "for a login, or for who is logged in",
    "deleteAccount": "a fresh session needs no password",
    "putBackupPolicy": "a rule that is left out is not there",
    "changeStorageSettings": "what is left out stays",
}
Answer = tuple[str, str, dict[str, Any]]  # operationId, status and the response


def operations() -> Iterator[dict[str, Any]]:
    for item in contract.document()["paths"].values():
        yield from (operation for method, operation in item.items() if method in METHODS)


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    *_, kind, name = value["$ref"].split("/")
    found: dict[str, Any] = contract.document()["components"][kind][name]
    return found


def errors() -> Iterator[Answer]:
    """All that are problem documents: the 503 of readiness is a report."""
    ready = contract.document()["paths"][READY_PATH]["get"]["operationId"]
    for operation in operations():
        for status, response in operation["responses"].items():
            if status[0] in "45" and (operation["operationId"], status) != (ready, "503"):
                yield operation["operationId"], status, resolved(response)


def examples_of(response: dict[str, Any]) -> dict[str, Any]:
    named = response["content"][PROBLEM_CONTENT_TYPE]["examples"]
    return {code: resolved(example)["value"] for code, example in named.items()}


def test_every_error_shows_an_example_of_each_code_that_it_names() -> None:
    known = codes_of_the_server() | {(460, "checksum_mismatch")}  # a status of tus for a code of ours
    fields = contract.document()["components"]["schemas"]["Problem"]["properties"].keys()
    for name, status, response in errors():
        examples = examples_of(response)
        assert examples, (name, status)
        for code, example in examples.items():
            place = f"{name} {status} {code}"
            assert example["code"] == code in response["description"], place
            assert (example["status"], code) in known, place
            assert str(example["status"]) == status, place
            assert example["type"] == f"urn:adiuva:problem:{code}", place
            assert example.keys() <= fields, place
            assert contract.violation(component="Problem", value=example) is None, place


def test_a_case_has_its_own_fields_in_its_example() -> None:
    needed = {
        "validation_error": {"errors"},
        "payment_required": {"checkout_url"},
        "feature_not_available": {"required_tier"},
        "second_factor_required": {"challenge_id", "methods", "expires_in"},
        "lease_held": {"lease_expires_at"},
        "precondition_failed": {"etag"},
        "rate_limited": {"retry_after"},
        "checks_failed": {"checks"},
        "not_buildable": {"reason"},
        "resync_required": {"reason"},
        "taken_down": {"reason"},
    }
    seen = set()
    for name, status, response in errors():
        for code, example in examples_of(response).items():
            seen.add(code)
            assert needed.get(code, set()) <= example.keys(), (name, status, code)
    assert needed.keys() <= seen


def test_a_quota_is_exceeded_only_where_something_is_taken_of_one() -> None:
    shown = {name: examples_of(response) for name, status, response in errors() if status == "402"}
    of_quotas = {name: examples["quota_exceeded"] for name, examples in shown.items() if "quota_exceeded" in examples}
    resources = {name: example.get("resource", "bytes") for name, example in of_quotas.items()}
    assert {name for name, kind in resources.items() if kind == "llm_tokens"} == {
        "sendChat",
        "runTemplate",
        "buildBatch",
    }
    assert {name for name, kind in resources.items() if kind == "seats"} == {"createInvitation", "acceptInvitation"}
    everywhere = [(status, code) for _, status, response in errors() for code in examples_of(response)]
    assert {status for status, code in everywhere if code == "quota_exceeded"} == {"402"}


def test_every_whole_number_among_the_parameters_has_its_bounds() -> None:
    numbers = [
        (operation["operationId"], one["name"], one["schema"])
        for operation in operations()
        for one in operation.get("parameters", ())
        if one["schema"].get("type") == "integer"
    ]
    for name, parameter, schema in numbers:
        assert schema.keys() >= {"minimum", "maximum"}, (name, parameter)
        assert schema["minimum"] <= schema.get("default", schema["minimum"]) <= schema["maximum"], (name, parameter)
    paged = [(name, schema) for name, parameter, schema in numbers if parameter in {"page", "limit"}]
    assert len(paged) > 30
    assert all("default" in schema and schema["minimum"] == 1 for _, schema in paged)


def test_a_body_is_required_wherever_nothing_would_come_of_none() -> None:
    optional = {
        operation["operationId"]
        for operation in operations()
        if "requestBody" in operation and operation["requestBody"].get("required") is not True
    }
    assert optional == NEED_NO_BODY.keys()


@pytest.mark.parametrize("fact", ["summary", "description", "operationId", "tags"])
def test_every_operation_says_what_it_is(fact: str) -> None:
    assert [operation["operationId"] for operation in operations() if not operation.get(fact)] == []


def test_the_examples_of_frames_are_frames() -> None:
    """Those of the client's own, too; what the server sends is held against the same schemas in every test."""
    for operation in operations():
        if "x-websocket" in operation:
            content = operation["responses"]["101"]["content"]["application/json"]
            union = content["schema"]["$ref"].rpartition("/")[2]
            named = [
                one["$ref"].rpartition("/")[2]
                for kind in ("client", "server")
                for one in operation["x-websocket"][kind]
            ]
            assert list(content["examples"]) == named
            for name, example in content["examples"].items():
                assert contract.violation(component=name, value=example["value"]) is None, name
                assert contract.violation(component=union, value=example["value"]) is None, name
                assert name in operation["description"]
