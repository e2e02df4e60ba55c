"""Somebody signed in on a real server."""

import json
import secrets
from dataclasses import dataclass

from tests.support.raw_http import post
from tests.support.server import RunningServer


@dataclass(frozen=True, slots=True)
class Member:
    email: str
    password: str
    token: str

    @property
    def bearer(self) -> str:
        """The header line."""
        return f"Authorization: Bearer {self.token}"


def join(server: RunningServer) -> Member:
    """A new user of the free tier, made over the wire."""
    email, password = f"http-{secrets.token_hex(6)}@example.com", "correct horse battery"
    answer = post(server, "/api/v1/auth/register", json.dumps({"email": email, "password": password}).encode())
    assert answer.status == 201, answer
    return Member(email, password, answer.json["access_token"])
