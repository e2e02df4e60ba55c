"""A life of a server among neighbours that fail, told in chapters, with secrets that are easy to recognise."""

import hashlib
import json
import sqlite3
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.fakes.llm_server import LoopbackLLM, garbage, status, text
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.fakes.smtp_server import SmtpServer
from tests.fakes.stripe_server import LoopbackStripe
from tests.support import canaries
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer


@dataclass
class Life:
    """One server with its neighbours. ``secret`` may be nowhere, ``private`` not in logs and answers to others."""

    server: RunningServer
    model: LoopbackLLM
    stripe: LoopbackStripe
    store: LoopbackS3
    mail: SmtpServer
    logs: Path
    data: Path
    env: dict[str, str]
    secret: dict[str, str]
    private: dict[str, str]
    refusals: list[str] = field(default_factory=list)

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=f"{self.server.url}/api/v1/", headers=headers, timeout=30)

    def assert_refused(self, answer: httpx.Response, *codes: int) -> None:
        """Keeps what a refusal says for the search."""
        assert answer.status_code in codes, (answer.status_code, answer.text)
        self.refusals.append(answer.text + str(answer.headers))


SETTINGS_SECRETS = {
    "JWT_SECRET": "",
    "METRICS_TOKEN": "",
    "OPENAI_API_KEY": "sk-proj-",
    "STRIPE_SECRET_KEY": "sk_test_",
    "STRIPE_WEBHOOK_SECRET": "whsec_",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "whsec_",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "",
    "QDRANT_API_KEY": "",
}


def with_password(url: str, password: str) -> str:
    """Trusting servers let any password in."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url
    host = f"{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{host}"))


def statement(life: Life, sql: str) -> None:
    """To the database, past the server."""
    url = life.env["DATABASE_URL"]
    if url.startswith("postgres"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)
        return
    database = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)
    with database:
        database.execute(sql)
    database.close()


# --- the chapters ----------------------------------------------------------------------------------------------


def accounts(life: Life) -> str:
    """Returns an access token of a user of the team tier."""
    email = f"{canaries.new()}@example.com"
    password = canaries.new("Pass/word+&", unlike=email)
    life.private["address"] = email.partition("@")[0]
    life.secret |= {"password": password, "wrong password": canaries.new("Wrong/"), "forged": canaries.new()}
    wrong, forged = life.secret["wrong password"], life.secret["forged"]
    with life.client() as client:
        first = client.post("auth/register", json={"email": email, "password": password}).json()
        life.assert_refused(client.post("auth/register", json={"email": email, "password": password}), 409)
        life.assert_refused(client.post("auth/register", json={"email": wrong, "password": password}), 400)
        life.assert_refused(client.post("auth/register", json={"email": f"x{email}", "password": wrong[:7]}), 400)
        life.assert_refused(client.post("auth/login", json={"email": email, "password": wrong}), 401)
        life.assert_refused(
            client.post("auth/login", content=f'{{"email": "{email}", "password": "{wrong}"'.encode()), 400, 415
        )
        tokens = client.post("auth/login", json={"email": email, "password": password}).json()
        rotated = client.post("auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
        again = client.post("auth/refresh", json={"refresh_token": rotated["refresh_token"]}).json()
        life.assert_refused(client.post("auth/refresh", json={"refresh_token": first["refresh_token"]}), 401)
        life.assert_refused(client.post("auth/refresh", json={"refresh_token": forged}), 401)
        life.assert_refused(client.get("auth/me", headers={"Authorization": f"Bearer {forged}"}), 401)
        life.assert_refused(
            client.get(f"auth/me?token={forged}&access_token={forged}", headers={"Cookie": f"sessionid={forged}"}), 401
        )
        change = {"current_password": wrong, "new_password": password}
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        life.assert_refused(client.post("auth/password", json=change, headers=bearer), 400)
    for number, one in enumerate((first, tokens, rotated, again)):
        life.secret[f"refresh token {number}"] = one["refresh_token"]
        life.secret[f"signature of access token {number}"] = one["access_token"].rsplit(".", 1)[1]
    life.server.manage("set_tier", email, "team")
    life.server.manage("verify_email", email)
    token: str = tokens["access_token"]
    return token


def conversations(life: Life, token: str) -> None:
    said, told, answered = canaries.new(), canaries.new(), canaries.new()
    life.secret |= {"message": said, "context": told, "model's answer": answered}
    request: dict[str, Any] = {"message": f"remember {said}", "context": {"notes": [{"id": "1", "content": told}]}}
    quoting = json.dumps(
        {"error": {"message": f"Incorrect API key: {life.env['OPENAI_API_KEY']} for {said} {told}", "code": "x"}}
    )
    with life.client(Authorization=f"Bearer {token}") as client:
        life.model.script(text(f"I know {answered}, <thinking>{answered}</thinking>", "bye"))
        assert answered in client.post("chat", json=request).json()["response"]
        for reply in (
            status(401, body=quoting),
            status(400, body=quoting),
            status(500, body=quoting),
            garbage(answered),
        ):
            life.model.forget()
            life.model.script(*[reply] * 4)
            life.assert_refused(client.post("chat", json=request), 502, 503, 504)
        life.model.forget()
        assert client.post("chat", json=request | {"execution_mode": "plan"}).status_code == 200
        life.assert_refused(client.post("chat", json={"message": said, "model": said}), 400, 403)
        life.assert_refused(client.post("chat", json={"message": said * 2000}), 400)
        life.assert_refused(client.post("chat", json={"message": [said], "context": {said: said}}), 400)
        run = {"variables": {"project_text": said}, "context": {}}
        client.post("plans/templates/tpl_task_extract_from_project/run", json=run)
        ticket = client.post("auth/ws-ticket").json()["ticket"]
    life.secret["ticket"] = ticket
    life.model.forget()
    for query in (f"ticket={ticket}", f"token={token}"):
        with connect(f"{life.server.ws_url}/api/v1/chat/stream?{query}") as socket:
            life.model.script(text(answered), status(401, body=quoting))
            for frame in (json.dumps(request), json.dumps(request), f'{{"message": "{said}', json.dumps({said: told})):
                socket.send(frame)
                while not (last := json.loads(socket.recv(timeout=30))).get("done"):
                    pass
                if last["type"] == "error":
                    life.refusals.append(json.dumps(last))
    for query in (f"ticket={ticket}", f"ticket={said}", f"token={said}", f"%74oken={said}"):
        with pytest.raises(InvalidStatus) as refusal:
            connect(f"{life.server.ws_url}/api/v1/chat/stream?{query}")
        life.refusals.append((refusal.value.response.body or b"").decode())


def store_sealed_bytes(life: Life, token: str) -> None:
    body, vector_blob, snapshot = (canaries.new(characters=64).encode() for _ in range(3))
    table = canaries.new("t")
    life.private |= {
        "record": body.decode(),
        "vector": vector_blob.decode(),
        "backup": snapshot.decode(),
        "table": table,
    }

    def sum_of(data: bytes) -> str:
        return hashlib.sha256(data).hexdigest()

    binary = {"Content-Type": "application/octet-stream", "X-Checksum": sum_of(body)}
    stamped = {
        "X-Backup-Version": "1",
        "X-Backup-Timestamp": "2026-11-01T00:00:00Z",
        "X-Backup-Checksum": sum_of(snapshot),
    }
    with life.client(Authorization=f"Bearer {token}") as client:
        made = client.post(f"storage/records?table_name={table}", content=body, headers=binary)
        assert made.status_code == 201, made.text
        assert client.get(f"storage/records/{made.json()['id']}").content == body
        assert client.get(f"storage/records?table={table}").json()["total"] == 1
        wrong = binary | {"X-Checksum": "0" * 64}
        life.assert_refused(client.post(f"storage/records?table_name={table}", content=body, headers=wrong), 400)
        life.assert_refused(
            client.post(f"storage/records?table_name={table.upper()}", content=body, headers=binary), 400
        )
        vectors = [{"id": str(uuid.uuid4()), "blob": "bm8=", "checksum": sum_of(b"no"), "vector": [0.5, 0.25]}]
        assert client.post("storage/vectors/upsert", json={"vectors": vectors}).status_code == 200
        broken = [vectors[0] | {"blob": vector_blob.decode()}]
        life.assert_refused(client.post("storage/vectors/upsert", json={"vectors": broken}), 400)
        assert client.put("backup", content=snapshot, headers=stamped).status_code == 201
        life.assert_refused(client.put("backup", content=body, headers=stamped), 400)
        life.store.fault("put_object", Fault("status", code=life.env["AWS_SECRET_ACCESS_KEY"]))
        later = stamped | {"X-Backup-Timestamp": "2026-11-02T00:00:00Z"}  # the same again would be stored once
        life.assert_refused(client.put("backup", content=snapshot, headers=later), 502, 503, 504)
        life.store.behave()


def money(life: Life, token: str) -> None:
    signature = canaries.new()
    life.secret["signature"] = signature
    hook = f"{life.server.url}/api/v1/billing/webhook"
    with life.client(Authorization=f"Bearer {token}") as client:
        for kind in ("status", "garbage"):
            life.stripe.fail(kind, times=3)
            life.assert_refused(client.post("billing/checkout", json={"tier": "power"}), 502, 503, 504)
            life.stripe.mend()
        url = client.post("billing/checkout", json={"tier": "power"}).json()["checkout_url"]
        life.stripe.complete_checkout(url.rsplit("/", 1)[1].partition("#")[0])
        assert {code for _, code in life.stripe.deliver(hook, life.env["STRIPE_WEBHOOK_SECRET"])} == {200}
        for header in (f"t=1,v1={signature}", signature, f"t={life.env['STRIPE_WEBHOOK_SECRET']}"):
            life.assert_refused(
                client.post("billing/webhook", content=b"{}", headers={"Stripe-Signature": header}), 400
            )


def plugins(life: Life, token: str) -> None:
    words = canaries.new()
    life.private["manifest"] = words
    manifest = json.dumps({"id": "x", "name": words, "version": words, "description": words, "price_cents": words})
    form: dict[str, tuple[str, str | bytes, str]] = {
        "manifest": ("m.json", manifest, "application/json"),
        "package": ("p.zip", words.encode(), "application/zip"),
    }
    with life.client(Authorization=f"Bearer {token}") as client:
        refusal = client.post("plugins", files=form)
        assert refusal.status_code in {400, 422}


def the_admin(life: Life) -> None:
    password = canaries.new("Adm/in+")
    life.secret |= {"admin's password": password, "admin's wrong password": canaries.new()}
    os_env = {"DJANGO_SUPERUSER_PASSWORD": password}
    life.server.env |= os_env
    life.server.manage("createsuperuser", "--no-input", "--email", "root@example.com")
    with httpx.Client(base_url=life.server.url, follow_redirects=True, timeout=30) as browser:
        for number, attempt in enumerate((life.secret["admin's wrong password"], password)):
            browser.get("/admin/login/")
            token = browser.cookies["csrftoken"]
            life.secret[f"CSRF token {number}"] = token
            sent = {
                "username": "root@example.com",
                "password": attempt,
                "csrfmiddlewaretoken": token,
                "next": "/admin/",
            }
            page = browser.post("/admin/login/", data=sent, headers={"Referer": life.server.url})
            assert attempt not in page.text
        assert "/admin/logout/" in browser.get("/admin/").text
        life.private["admin's session"] = browser.cookies["sessionid"]


def send_malformed(life: Life, token: str) -> None:
    said = canaries.new()
    life.secret["malformed"] = said
    for body in (
        f'{{"{said}": ',
        f'["{said}"]',
        f'"{said}\x00"',
        "[" * 100 + f'"{said}"',
        f'{{"a": NaN, "b": "{said}"}}',
    ):
        with life.client(Authorization=f"Bearer {token}") as client:
            answer = client.post("chat", content=body.encode(), headers={"Content-Type": "application/json"})
            life.assert_refused(answer, 400)
            life.assert_refused(client.post("chat", content=body.encode(), headers={"Content-Type": said}), 415)
    for headers in ((f"Authorization: {said}",), (f"X-Checksum: {said}", f"If-Match: {said}"), (f"Range: {said}",)):
        life.refusals.append(str(exchange(life.server, head("GET /api/v1/auth/me", *headers)).body))
    metrics, metrics_token = f"{life.server.url}/metrics", life.env["METRICS_TOKEN"]
    for credentials in (f"Bearer {said}", f"Basic {metrics_token}"):
        life.assert_refused(httpx.get(metrics, headers={"Authorization": credentials}, timeout=30), 401)
    page = httpx.get(metrics, headers={"Authorization": f"Bearer {metrics_token}"}, timeout=30)
    assert page.status_code == 200
    life.refusals.append(page.text)


def the_database_fails(life: Life, token: str) -> None:
    """A constraint that PostgreSQL reports with the whole row; then a table is not there."""
    email = f"{canaries.new()}@example.com"
    life.private["refused address"] = email.partition("@")[0]
    life.secret["refused password"] = canaries.new("Refused/")
    if life.env["DATABASE_URL"].startswith("postgres"):
        statement(life, f"ALTER TABLE users ADD CONSTRAINT no_canary CHECK (email <> '{email}')")
    else:
        refuse = f"SELECT RAISE(ABORT, 'no {email}') WHERE NEW.email = '{email}'"
        statement(life, f"CREATE TRIGGER no_canary BEFORE INSERT ON users BEGIN {refuse}; END")
    with life.client() as client:
        body = {"email": email, "password": life.secret["refused password"]}
        life.assert_refused(client.post("auth/register", json=body), 409, 500, 503)
        statement(life, "ALTER TABLE storage_records RENAME TO away")
        for path in ("storage/records", "storage/changes?since=0", f"storage/records/{uuid.uuid4()}"):
            life.assert_refused(client.get(path, headers={"Authorization": f"Bearer {token}"}), 500, 503)
        statement(life, "ALTER TABLE away RENAME TO storage_records")
