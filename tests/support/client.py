"""How tests speak HTTP: paths relative to `/api/v1`, JSON in and out, a bearer token."""

import json as jsonlib
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import async_to_sync
from django.test import Client

from tests.support import contract

API = "/api/v1"


class Answer:
    """A response, with its JSON decoded once. A streamed one has been read to its end."""

    def __init__(self, response: Any) -> None:
        self.raw = response
        self.status: int = response.status_code
        self.headers = response.headers
        self.content: bytes = _streamed(response) if response.streaming else response.content

    @property
    def json(self) -> Any:
        return jsonlib.loads(self.content)

    @property
    def code(self) -> str:
        """The problem's code; fails for anything that is not a problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self.content
        problem = self.json
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["X-Request-ID"]
        return str(problem["code"])

    def __repr__(self) -> str:
        return f"<{self.status} {self.content[:300]!r}>"


def _streamed(response: Any) -> bytes:
    if not response.is_async:
        return b"".join(response)
    # Django would collect an asynchronous iterator too, and warn that this is not how to serve one.
    return async_to_sync(_collect)(response)


async def _collect(parts: AsyncIterator[bytes]) -> bytes:
    return b"".join([part async for part in parts])


class ApiClient:
    """Every answer is held against ``openapi.json``."""

    def __init__(self) -> None:
        self._client = Client(raise_request_exception=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | str | None = None,
        content_type: str = "application/json",
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> Answer:
        """``json`` is encoded; ``body`` goes as it is. A path that starts with `/` is absolute."""
        data = jsonlib.dumps(json) if json is not None else body
        all_headers = dict(headers or {})
        if token is not None:
            all_headers["Authorization"] = f"Bearer {token}"
        url = path if path.startswith("/") else f"{API}/{path}"
        response: Any = self._client.generic(
            method, url, data if data is not None else "", content_type=content_type, headers=all_headers, **extra
        )
        answer = Answer(response)
        contract.check(method=method, url=url, status=answer.status, headers=answer.headers, content=answer.content)
        return answer

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Answer:
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Answer:
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Answer:
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        return self.request("DELETE", path, **kwargs)
