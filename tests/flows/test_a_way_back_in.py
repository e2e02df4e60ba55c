"""A forgotten password: the account comes back by mail, and what it stored by what its owner still has."""

import base64
import hashlib
import secrets
import time
import uuid
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from tests.support.contract import CHECKED
from tests.support.mailbox import token_in
from tests.support.server import RunningServer
from tests.support.vault import NewDevice, approve, derive, envelope, new_kdf, open_envelope, seal, unseal
from tests.support.worker import worker_beside

pytestmark = pytest.mark.thorough

PASSWORD, SECOND_PASSWORD = "a long sentence is best", "another long sentence"
MAIL_SECONDS = 120  # at most: a job sends it
NOTE = b"the bank's PIN is in the blue book"


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/v1/", timeout=30, event_hooks=CHECKED) as client:
        yield client


@pytest.fixture(autouse=True)
def _mails_are_sent(server: RunningServer, tmp_path: Path) -> Iterator[None]:
    with worker_beside(server, tmp_path):
        yield


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


class Person:
    """What somebody has in their head, on paper and on a device."""

    def __init__(self, client: httpx.Client, server: RunningServer) -> None:
        self.client = client
        self.server = server
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        self.master_key = secrets.token_bytes(32)
        self.recovery_phrase = secrets.token_bytes(32)
        self.record_id = str(uuid.uuid4())

    def register(self, *, with_recovery: bool) -> dict[str, Any]:
        kdf = new_kdf()
        derived = derive(PASSWORD, kdf)
        envelopes = [
            envelope("password", "main", wrapping_key=derived.wrapping_key, master_key=self.master_key),
        ]
        if with_recovery:
            envelopes.append(
                envelope("recovery", "paper", wrapping_key=self.recovery_phrase, master_key=self.master_key)
            )
        body = {"email": self.email, "password": derived.login_secret, "kdf": kdf, "envelopes": envelopes}
        answer = self.client.post("auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.server.manage("set_tier", self.email, "pro")
        tokens: dict[str, Any] = answer.json()
        return tokens

    def store_note(self, tokens: dict[str, Any]) -> None:
        sealed = seal(self.master_key, NOTE)
        answer = self.client.post(
            f"storage/records?table_name=notes&id={self.record_id}",
            content=sealed,
            headers=bearer(tokens)
            | {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(sealed).hexdigest()},
        )
        assert answer.status_code == 201, answer.text

    def read_note(self, tokens: dict[str, Any], master_key: bytes) -> bytes:
        sealed = self.client.get(f"storage/records/{self.record_id}", headers=bearer(tokens))
        assert sealed.status_code == 200, sealed.text
        return unseal(master_key, sealed.content)

    def log_in(self, password: str) -> httpx.Response:
        kdf = self.client.post("auth/prelogin", json={"email": self.email}).json()["kdf"]
        secret = derive(password, kdf).login_secret
        return self.client.post("auth/login", json={"email": self.email, "password": secret})

    def mails(self) -> list[EmailMessage]:
        """Oldest first: a development server writes each as a file."""
        folder = Path(self.server.env["DATA_DIR"]) / "mail"
        files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        messages = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [message for message in messages if self.email in str(message["To"])]

    def new_mail(self, *, after: int) -> EmailMessage:
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            if len(mails := self.mails()) > after:
                return mails[after]
            time.sleep(0.05)
        raise AssertionError(f"no mail came: {self.server.log_text()[-2000:]}")

    def forget_password(self, *, locked: bool, envelopes: list[dict[str, str]] | None = None) -> httpx.Response:
        before = len(self.mails())
        assert self.client.post("auth/password/reset", json={"email": self.email}).status_code == 202
        token = token_in(self.new_mail(after=before))
        kdf = new_kdf()
        derived = derive(SECOND_PASSWORD, kdf)
        body = {"token": token, "new_password": derived.login_secret, "kdf": kdf, "envelopes": envelopes or []}
        answer = self.client.post("auth/password/reset/confirm", json=body)
        if answer.status_code == 200:
            assert answer.json()["locked"] is locked
            again = self.client.post("auth/password/reset/confirm", json=body)
            assert (again.status_code, list(again.json()["errors"])) == (400, ["token"])
        return answer


def test_a_recovery_phrase_opens_what_was_stored(client: httpx.Client, server: RunningServer) -> None:
    person = Person(client, server)
    laptop = person.register(with_recovery=True)
    welcome = person.new_mail(after=0)
    assert client.post("auth/email/verify", json={"token": token_in(welcome)}).status_code == 204
    assert client.get("auth/me", headers=bearer(laptop)).json()["email_verified"] is True
    person.store_note(laptop)

    # The laptop is gone, and so is the password. A second device has the mailbox and the paper with the phrase.
    phone = person.forget_password(locked=False).json()
    assert client.get("auth/me", headers=bearer(laptop)).status_code == 401
    kept = client.get("keys/envelopes", headers=bearer(phone)).json()["items"]
    assert [(one["kind"], one["ref"]) for one in kept] == [("recovery", "paper")]
    master_key = open_envelope(kept[0], wrapping_key=person.recovery_phrase)
    assert person.read_note(phone, master_key) == NOTE

    # It seals the key for the new password; from here on that is enough.
    kdf = client.post("auth/prelogin", json={"email": person.email}).json()["kdf"]
    sealed = envelope("password", "main", wrapping_key=derive(SECOND_PASSWORD, kdf).wrapping_key, master_key=master_key)
    put = client.put(
        "keys/envelopes/password/main",
        json={name: sealed[name] for name in ("blob", "checksum", "key_id")},
        headers=bearer(phone),
    )
    assert put.status_code == 200, put.text
    assert person.log_in(PASSWORD).status_code == 401
    assert person.log_in(SECOND_PASSWORD).status_code == 200
    told = [event["type"] for event in client.get("auth/events", headers=bearer(phone)).json()["items"]]
    assert told[:2] == ["login", "login_failed"]
    assert {"registered", "password_reset", "envelope_changed"} <= set(told)


def test_without_an_envelope_it_is_locked_until_a_device_approves(client: httpx.Client, server: RunningServer) -> None:
    person = Person(client, server)
    laptop = person.register(with_recovery=False)
    person.store_note(laptop)
    person.new_mail(after=0)

    phone = person.forget_password(locked=True).json()
    # Nothing is lost: the bytes are there, and nothing on this device opens them.
    assert client.get(f"storage/records/{person.record_id}", headers=bearer(phone)).status_code == 200
    assert client.get("keys/envelopes", headers=bearer(phone)).json()["items"] == []

    # The laptop, which still has the key, logs in with the new password and answers.
    device = NewDevice()
    asked = client.post(
        "keys/requests",
        json={"public_key": base64.b64encode(device.public_key).decode(), "device_name": "phone"},
        headers=bearer(phone),
    ).json()
    assert asked["fingerprint"] == device.fingerprint
    laptop = person.log_in(SECOND_PASSWORD).json()
    seen = client.get(f"keys/requests/{asked['id']}", headers=bearer(laptop)).json()
    assert (seen["state"], seen["fingerprint"]) == ("pending", device.fingerprint)
    answer = approve(base64.b64decode(seen["public_key"]), master_key=person.master_key)
    put = client.put(f"keys/requests/{asked['id']}", json={"blob": answer}, headers=bearer(laptop))
    assert put.status_code == 200, put.text
    polled = client.get(f"keys/requests/{asked['id']}", headers=bearer(phone)).json()
    assert polled["state"] == "answered"
    assert person.read_note(phone, device.receive(polled["blob"])) == NOTE


def test_a_mailbox_alone_does_not_get_past_the_second_factor(client: httpx.Client, server: RunningServer) -> None:
    person = Person(client, server)
    laptop = person.register(with_recovery=True)
    person.new_mail(after=0)
    made = client.post("auth/factors/totp", json={"name": "phone"}, headers=bearer(laptop)).json()
    totp = pyotp.TOTP(made["secret"])
    confirmed = client.post(
        f"auth/factors/{made['id']}/confirm", json={"code": totp.now()}, headers=bearer(laptop)
    ).json()
    codes = confirmed["recovery_codes"]
    person.new_mail(after=1)

    asked = person.forget_password(locked=False)
    assert (asked.status_code, asked.json()["code"]) == (403, "second_factor_required")
    challenge = asked.json()["challenge_id"]
    wrong = client.post(
        "auth/login/second-factor", json={"challenge_id": challenge, "method": "totp", "code": "000000"}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    step = {"challenge_id": challenge, "method": "recovery_code", "code": codes[0]}
    let_in = client.post("auth/login/second-factor", json=step)
    assert let_in.status_code == 200, let_in.text
    assert let_in.json()["locked"] is False
    assert client.get("auth/factors", headers=bearer(let_in.json())).json()["recovery_codes_left"] == 9
    assert client.post("auth/login/second-factor", json=step).status_code == 401
