"""A request whose handler ends without an answer gets one all the same."""

import asyncio
import json
import logging
from typing import Any

import pytest

from adiuva.server.error_boundary import ErrorBoundary

SCOPE = {"type": "http", "path": "/api/v1/x"}


class Sent:
    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def __call__(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def problem(self) -> Any:
        start, body = self.messages
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert headers["content-type"] == "application/problem+json"
        assert headers["content-length"] == str(len(body["body"]))
        problem = json.loads(body["body"])
        assert problem["status"] == start["status"]
        assert problem["request_id"] == headers["x-request-id"]
        return problem


async def receive() -> Any:
    await asyncio.sleep(3600)


async def test_a_failure_outside_django_is_a_500_problem_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("canary")

    sent = Sent()
    await ErrorBoundary(app)(SCOPE, receive, sent)
    assert sent.problem["code"] == "internal_error"
    assert "canary" not in json.dumps(sent.problem)
    (line,) = [entry for entry in caplog.records if entry.levelno == logging.ERROR]
    assert line.exc_info


async def test_under_scim_a_failure_has_the_shape_of_rfc_7644() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("canary")

    sent = Sent()
    await ErrorBoundary(app)({"type": "http", "path": "/scim/v2/x/Users"}, receive, sent)
    start, body = sent.messages
    assert (b"content-type", b"application/scim+json") in start["headers"]
    assert json.loads(body["body"]) == {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": "500",
        "detail": "The server failed to handle this request.",
    }


async def test_a_request_that_outlives_a_stopping_server_is_told_to_come_again() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    sent = Sent()
    task = asyncio.create_task(ErrorBoundary(app)(SCOPE, receive, sent))
    await asyncio.sleep(0)
    task.cancel()
    await task
    assert (sent.problem["status"], sent.problem["code"]) == (503, "upstream_unavailable")
    assert (b"retry-after", b"1") in sent.messages[0]["headers"]


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_an_answer_that_has_begun_is_not_begun_again(error: type[BaseException]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    sent = Sent()
    with pytest.raises(error):
        await ErrorBoundary(app)(SCOPE, receive, sent)
    assert [message["status"] for message in sent.messages] == [200]
