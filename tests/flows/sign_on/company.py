"""A company: an organisation with its provider and its domain, and what its owner does through the API."""

import contextlib
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg

from tests.fakes.dns_server import DnsServer
from tests.fakes.oidc_provider_node.process import NodeProvider
from tests.flows.sign_on.apps import Tokens
from tests.support.contract import CHECKED
from tests.support.mailbox import token_in
from tests.support.server import RunningServer

PASSWORD = "a long sentence is best"
MAIL_SECONDS = 120
CLIENT = {"client_id": "adiuva", "client_secret": "what +/%:& form-encoding changes, and is long enough"}


@dataclass
class Service:
    """The server under test with the name server that it asks."""

    server: RunningServer
    dns: DnsServer

    def let_a_minute_pass(self) -> None:
        """Since any provider was asked for its keys."""
        url, change = (
            self.server.env["DATABASE_URL"],
            "UPDATE sso_connections SET keys_asked_at = '2026-01-01 00:00:00'",
        )
        if url.startswith("postgres"):
            with psycopg.connect(url) as connection:
                connection.execute(change)
            return
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as file, file:
            file.execute(change)

    def mailed_token(self, address: str, *, page: str) -> str:
        """Of the last mail to it that leads to `/account/{page}`: a development server writes each as a file."""
        folder = Path(self.server.env["DATA_DIR"]) / "mail"
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            for file in sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns, reverse=True):
                message = message_from_bytes(file.read_bytes(), policy=policy.default)
                if address in str(message["To"]) and f"/account/{page}?" in str(message.get_body()):
                    return token_in(message)
            time.sleep(0.05)
        raise AssertionError(f"no mail came: {self.server.log_text()[-2000:]}")


@dataclass
class Person:
    """Somebody with an account of their own making."""

    service: Service
    email: str
    http: httpx.Client = field(init=False)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=f"{self.service.server.url}/api/v1/", timeout=60, event_hooks=CHECKED)
        answer = self.http.post("auth/register", json={"email": self.email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.tokens = Tokens(self.http, answer.json())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def verify_address(self) -> None:
        token = self.service.mailed_token(self.email, page="verify")
        answer = self.http.post("auth/email/verify", json={"token": token})
        assert answer.is_success, answer.text

    def accept_invitation(self) -> None:
        token = self.service.mailed_token(self.email, page="invitation")
        answer = self.tokens.post("invitations/accept", {"token": token})
        assert answer.status_code == 200, answer.text

    def log_in(self, **more: str) -> httpx.Response:
        return self.http.post("auth/login", json={"email": self.email, "password": PASSWORD, **more})

    def do(self, method: str, path: str, status: int, body: Any = None) -> Any:
        """What is answered; fails for another status."""
        answer = self.http.request(method, path, json=body, headers=self.tokens.bearer)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


class Company:
    """Founded by ``owner``, who has bought ``seats``; its domain is proven and its provider set up."""

    def __init__(self, service: Service, provider: NodeProvider, *, seats: int = 20, **settings: Any) -> None:
        self.service, self.provider = service, provider
        self.name = f"c{uuid.uuid4().hex[:10]}"
        self.domain = f"{self.name}.example"
        self.owner = Person(service, f"owner@{self.domain}")
        self.owner.verify_address()
        checkout = self.owner.do("POST", "billing/checkout", 200, {"tier": "team", "seats": seats})
        httpx.post(checkout["checkout_url"], follow_redirects=True, timeout=30).raise_for_status()
        self.id = str(self.owner.do("POST", "organizations", 201, {"name": self.name})["id"])
        self._prove_domain()
        self.callback_url = str(self.connect(**settings)["callback_url"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.owner.http.close()

    def _prove_domain(self) -> None:
        claimed = self.do("POST", "domains", 201, {"domain": self.domain})
        self.service.dns.publish(claimed["txt_name"], claimed["txt_value"])
        assert self.do("POST", f"domains/{self.domain}/verify", 200)["status"] == "verified"

    def do(self, method: str, path: str, status: int, body: Any = None) -> Any:
        """By its owner, under `/organizations/{id}/`."""
        return self.owner.do(method, f"organizations/{self.id}/{path}", status, body)

    def connect(self, provider: NodeProvider | None = None, **settings: Any) -> Any:
        """``settings`` of the connection; new people are let in unless they say otherwise."""
        self.provider = provider or self.provider
        told = {"issuer": self.provider.issuer, **CLIENT, "just_in_time": True, **settings}
        return self.do("PUT", "sso", 200, told)

    def hire(self, login: str, *, email: str | None = None, verified: bool = True) -> "Employee":
        """Gives somebody an account at the provider. ``login`` is their ``sub`` there, and new in this test run."""
        address = email or f"{login}@{self.domain}"
        employee = Employee(login=f"{login}-{self.name}", email=address)
        self.provider.add_account(employee.login, email=address, email_verified=verified)
        return employee

    def invite(self, email: str, role: str = "member") -> None:
        self.do("POST", "invitations", 201, {"email": email, "role": role})

    def audited(self) -> list[str]:
        """Newest first."""
        return [str(entry["type"]) for entry in self.do("GET", "audit", 200)["items"]]


@dataclass(frozen=True)
class Employee:
    """What somebody types at the provider, and the address that it names."""

    login: str
    email: str
