"""Somebody signed in on a real server."""

import json
import secrets
from dataclasses import dataclass

from tests.support.raw_http import JSON, connect, head, read_answer
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
    """A new user of the free tier, made over the wire from their own address: 60 a minute may register from one."""
    email, password = f"http-{secrets.token_hex(6)}@example.com", "correct horse battery"
    body = json.dumps({"email": email, "password": password}).encode()
    with connect(server, source=f"127.{secrets.randbelow(256)}.{secrets.randbelow(256)}.2") as connection:
        connection.sendall(head("POST /api/v1/auth/register", JSON, f"Content-Length: {len(body)}") + body)
        answer = read_answer(connection)
    assert answer.status == 201, answer
    return Member(email, password, answer.json["access_token"])
