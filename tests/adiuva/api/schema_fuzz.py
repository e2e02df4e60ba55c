"""What ``test_schema_fuzz`` does with schemathesis, apart because importing that takes seconds of each test process."""

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import schemathesis
from django.core.wsgi import get_wsgi_application
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("SCHEMA_FUZZ_EXAMPLES", "0"))
PLAIN_EXAMPLES = 8
RESERVED = {"mine", "earnings", "installed", "onboarding"}  # no plugin's: docs/api.md § 9
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


schemathesis.serializer.alias(["application/offset+octet-stream", "application/cbor-seq"], "application/octet-stream")


def undocumented_answers(headers: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What is wrong, by operation; ``headers`` is asked for those of each request."""
    config = SchemathesisConfig()
    config.projects.default.generation.max_examples = EXAMPLES or PLAIN_EXAMPLES
    config.projects.default.generation.deterministic = not EXAMPLES
    config.projects.default.generation.with_security_parameters = False
    config.projects.default.generation.database = "none"
    loaded = schemathesis.openapi.from_wsgi("/openapi.json", get_wsgi_application(), config=config)
    # WebSockets, and answers that WSGI cannot stream (tests of their own read them over the wire).
    streamed = ["/api/v1/auth/export", "/api/v1/storage/records/fetch"]
    schema = loaded.exclude(path=["/api/v1/chat/stream", "/api/v1/sync", *streamed])

    def send(case: Any) -> None:
        if (case.path_parameters or {}).get("slug") in RESERVED:
            return  # routes of their own, with answers of their own
        (case.query or {}).pop("include", None)  # as above
        response = case.call(headers=headers())
        # Of a 502 with a reason the user's own provider is to blame, which nobody is here.
        is_of_a_provider = response.status_code == HTTPStatus.BAD_GATEWAY and '"reason"' in response.text
        checks = CHECKS if is_of_a_provider else [not_a_server_error, *CHECKS]
        case.validate_response(response, checks=checks)

    failures: dict[str, str] = {}
    # schemathesis's own way into pytest reports each operation apart, and does not know pytest 9.2.
    for result in get_all_tests(schema=schema, test_func=send, settings=None, given_kwargs=None):
        assert isinstance(result, Ok), result
        operation, test = result.ok()
        try:
            test()
        except (FailureGroup, AssertionError) as failure:
            failures[operation.label] = str(failure)
    return failures
