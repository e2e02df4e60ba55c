"""One request for each operation that nothing is wrong with, so that its answer says who may make it."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any

from tests.accounts.recovery.actions import NEW_PASSWORD, reset_token, verify_token
from tests.adiuva.access import second_factors
from tests.backups.snapshots import label
from tests.fakes.authenticator import Authenticator, base64url
from tests.marketplace.members import MAIN, MANIFEST
from tests.marketplace.zip_archives import package
from tests.storage.records.devices import form
from tests.storage.uploads.tus import PART, VERSION, encode_metadata, record_fields
from tests.support.accounts import PASSWORD, Account

CONTENT = b"sealed"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
SEALED = base64.b64encode(CONTENT).decode()
OCTETS = {"Content-Type": "application/octet-stream", "X-Checksum": CHECKSUM}
QUERIES = {"POST storage/records": "?table_name=notes", "GET plugins/earnings": "?period=2026-01"}

# Bodies with the token of a mail, which acts once.
WITH_TOKEN: dict[str, Callable[[Account], dict[str, str]]] = {
    "POST auth/password/reset/confirm": lambda account: {"token": reset_token(account), "new_password": NEW_PASSWORD},
    "POST auth/email/verify": lambda account: {"token": verify_token(account)},
}


HANDOFF = {
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
    "redirect_uri": "http://127.0.0.1:51234/",
    "state": "state",
}


def registration() -> dict[str, Any]:
    """Well formed, with a challenge that was never issued."""
    options = {
        "rp": {"id": "localhost"},
        "user": {"id": base64url(b"somebody")},
        "challenge": base64url(secrets.token_bytes(32)),
        "excludeCredentials": [],
    }
    return Authenticator(origin="http://localhost").create(options)


def assertion() -> dict[str, Any]:
    device = Authenticator(origin="http://localhost")
    options = {"rpId": "localhost", "challenge": base64url(secrets.token_bytes(32)), "allowCredentials": []}
    device.create({"rp": {"id": "localhost"}, "user": {"id": "AAAA"}, "challenge": "AAAA", "excludeCredentials": []})
    return device.get(options)


def _tus_request(method: str) -> dict[str, Any]:
    if method == "POST":
        metadata = encode_metadata(record_fields(CONTENT))
        return {"headers": VERSION | {"Upload-Length": str(len(CONTENT)), "Upload-Metadata": metadata}}
    if method == "PATCH":  # a first part: the last one asks for the quota again
        return {"body": CONTENT[:1], "headers": VERSION | {"Content-Type": PART, "Upload-Offset": "0"}}
    return {"headers": VERSION}


def request_for(operation: str, account: Account) -> dict[str, Any]:
    """Arguments of ``ApiClient.request`` for ``operation`` ("POST chat"); ``account``: whose password and tokens."""
    vector = "00000000-0000-4000-8000-000000000001"
    bodies: dict[str, Any] = {
        "POST auth/register": {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD},
        "POST auth/login": {"email": account.email, "password": account.password},
        "POST auth/refresh": {"refresh_token": account.refresh_token},
        "POST auth/logout": {"refresh_token": account.refresh_token},
        "DELETE auth/me": {"password": account.password},
        "POST auth/reauthenticate": {"password": account.password},
        "POST auth/password": {"current_password": account.password, "new_password": NEW_PASSWORD},
        "POST auth/prelogin": {"email": account.email},
        "PUT keys/envelopes/{kind}/{ref}": {"blob": SEALED, "checksum": CHECKSUM, "key_id": "master-1"},
        "POST keys/requests": {"public_key": SEALED, "device_name": "a new device"},
        "PUT keys/requests/{key_request}": {"blob": SEALED},
        "POST auth/password/reset": {"email": account.email},
        "POST auth/email": {"new_email": f"{secrets.token_hex(8)}@example.com", "password": account.password},
        # Nobody's: what is right with a passkey is in tests/accounts/factors/passkeys.
        "POST auth/passkeys": registration(),
        "POST auth/passkeys/login": assertion(),
        "POST auth/passkeys/login/code": {**HANDOFF, "credential": assertion()},
        "POST auth/passkeys/ticket/options": {"ticket": secrets.token_urlsafe(32)},
        "POST auth/passkeys/ticket/passkey": {**registration(), "ticket": secrets.token_urlsafe(32)},
        "POST auth/sso/token": {"code": secrets.token_urlsafe(32), "code_verifier": secrets.token_urlsafe(32)},
        "POST billing/checkout": {"tier": "team"},
        "POST chat": {"message": "create a task to buy milk"},
        "POST plans/templates/{template}/run": {"variables": {"message": "buy milk"}},
        "POST storage/records/fetch": {"ids": [vector]},
        "POST storage/records/batch": {
            "operations": [{"op": "put", "id": vector, "table_name": "notes", "blob": SEALED, "checksum": CHECKSUM}]
        },
        "DELETE storage/vectors": {"ids": [vector]},
        "POST storage/vectors/upsert": {"vectors": [{"id": vector, "blob": SEALED, "checksum": CHECKSUM}]},
        "POST storage/vectors/search": {"blob": SEALED},
        "PUT backup/policy": {"keep_last": 5, "immutable_days": 1},
        "PUT plugins/{plugin}/rating": {"stars": 5},
    }
    if operation in second_factors.REQUESTS:
        return second_factors.REQUESTS[operation](account)
    if operation in WITH_TOKEN:
        bodies[operation] = WITH_TOKEN[operation](account)
    if operation in bodies:
        return {"json": bodies[operation]}
    if operation in {"POST storage/records", "PUT storage/records/{record}", "PUT backup"}:
        return {"body": CONTENT, "headers": OCTETS | (label(CONTENT) if operation == "PUT backup" else {})}
    if "storage/uploads" in operation:
        return _tus_request(operation.partition(" ")[0])
    if operation == "POST plugins":
        manifest = MANIFEST | {"id": f"new-{secrets.token_hex(6)}", "name": f"Plugin {secrets.token_hex(6)}"}
        body, content_type = form(manifest=json.dumps(manifest), package=package(MAIN))
        return {"body": body, "headers": {"Content-Type": content_type}}
    return {}
