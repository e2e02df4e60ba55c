"""HTTP to a server that dies now and then: every request has an answer, or nobody knows whether it was carried out."""

import time
from threading import Event
from typing import Any

import httpx

from tests.support.client import API

SECONDS = 60.0


class NoAnswerError(Exception):
    """The connection ended first: the request may have been carried out, or not."""


class HttpClient:
    """One client. Requests wait while ``up`` is clear; one that met no server at all is sent again."""

    def __init__(self, *, url: str, token: str, up: Event) -> None:
        self.authorization = f"Bearer {token}"
        self.expects_failures = False
        self._client = httpx.Client(
            base_url=f"{url}{API}/", headers={"Authorization": self.authorization}, timeout=SECONDS, trust_env=False
        )
        self._up = up

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Whole answers only. A 5xx is a failure of the test, unless somebody has broken the blob store.

        Raises:
            NoAnswerError: the server died meanwhile, or says that the store failed.
        """
        while True:
            assert self._up.wait(SECONDS)
            try:
                answer = self._client.request(method, path, **arguments)
            except httpx.ConnectError:
                time.sleep(0.05)  # killed between the wait and the request
                continue
            except httpx.TimeoutException:
                raise
            except httpx.TransportError as error:
                raise NoAnswerError from error
            if answer.status_code == 429:
                time.sleep(float(answer.headers["Retry-After"]))
                continue
            if self.expects_failures and answer.status_code in {502, 503}:
                raise NoAnswerError
            assert answer.status_code < 500, (method, path, answer.text)
            return answer

    def close(self) -> None:
        self._client.close()
