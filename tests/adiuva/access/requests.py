"""One request for each operation that nothing is wrong with, so that its answer says who may make it."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from accounts.organizations.models import Connection, Membership
from tests.accounts.organizations.actions import invited
from tests.accounts.recovery.actions import NEW_PASSWORD, reset_token, verify_token
from tests.adiuva.access import second_factors
from tests.backups.snapshots import label
from tests.fakes.authenticator import Authenticator, base64url
from tests.marketplace.members import MAIN, MANIFEST
from tests.marketplace.zip_archives import package
from tests.storage.records.devices import form
from tests.storage.uploads.tus import PART, VERSION, encode_metadata, record_fields
from tests.support.accounts import PASSWORD, Account
from tests.support.organizations import make_organization

CONTENT = b"sealed"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
SEALED = base64.b64encode(CONTENT).decode()
OCTETS = {"Content-Type": "application/octet-stream", "X-Checksum": CHECKSUM}
QUERIES = {
    "POST storage/records": "?table_name=notes",
    "GET plugins/earnings": "?period=2026-01",
    # Nobody's organisation, and no flow: what is right is in tests/accounts/organizations/sso.
    "GET auth/sso/start": (
        f"?organization=00000000-0000-4000-8000-000000000002&code_challenge={'A' * 43}&code_challenge_method=S256"
        "&redirect_uri=http://127.0.0.1:51234/&state=state"
    ),
    "GET auth/sso/callback": "?state=state&code=code",
    "GET auth/sso/callback/{organization}": "?state=state&code=code",
}

# Bodies with the token of a mail, which acts once.
WITH_TOKEN: dict[str, Callable[[Account], dict[str, str]]] = {
    "POST auth/password/reset/confirm": lambda account: {"token": reset_token(account), "new_password": NEW_PASSWORD},
    "POST auth/email/verify": lambda account: {"token": verify_token(account)},
    "POST invitations/accept": lambda account: {"token": invitation_token(account)},
}

# More than a body.
WHOLE: dict[str, Callable[[Account], dict[str, Any]]] = {
    **second_factors.REQUESTS,
    "POST auth/sso/backchannel-logout": lambda _: {
        "body": "logout_token=x",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
}


HANDOFF = {
    "code_challenge": "A" * 43,
    "code_challenge_method": "S256",
    "redirect_uri": "http://127.0.0.1:51234/",
    "state": "state",
}


def invitation_token(account: Account) -> str:
    organization, owner = make_organization()
    return invited(owner, organization, account.email)


def set_sign_on_up(account: Account) -> None:
    """Of the organisation that the account is in, if any, with a provider that nobody asks."""
    membership, now = Membership.objects.filter(user=account.user).first(), datetime.now(UTC)
    if membership is not None and not Connection.objects.filter(organization_id=membership.organization_id).exists():
        Connection.objects.create(
            organization_id=membership.organization_id,
            issuer="https://login.example.com",
            client_id="client",
            client_secret="sealed",
            session_hours=24,
            metadata_at=now,
            keys_at=now,
            keys_asked_at=now,
            created_at=now,
            updated_at=now,
        )


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
        "POST auth/sso/discover": {"email": account.email},
        "POST organizations/{organization}/domains": {"domain": f"{secrets.token_hex(8)}.example"},
        "POST auth/sso/link": {"code": secrets.token_urlsafe(32), "code_verifier": secrets.token_urlsafe(32)},
        "POST billing/checkout": {"tier": "team"},
        "POST chat": {"message": "create a task to buy milk"},
        "POST plans/templates/{template}/run": {"variables": {"message": "buy milk"}},
        "POST batches/build": {"message": "Every Monday at 9 delete all done tasks", "timezone": "Europe/Rome"},
        "POST storage/records/fetch": {"ids": [vector]},
        "POST storage/records/batch": {
            "operations": [{"op": "put", "id": vector, "table_name": "notes", "blob": SEALED, "checksum": CHECKSUM}]
        },
        "DELETE storage/vectors": {"ids": [vector]},
        "POST storage/vectors/upsert": {"vectors": [{"id": vector, "blob": SEALED, "checksum": CHECKSUM}]},
        "POST storage/vectors/search": {"blob": SEALED},
        "POST batches": {"spec": SEALED, "checksum": CHECKSUM, "trigger": "manual", "state": "paused"},
        "PUT batches/{batch}": {"spec": SEALED, "checksum": CHECKSUM},
        "POST batches/{batch}/runs": {"slot": vector, "spec_revision": 1},
        "PATCH batches/runs/{run}": {"attempt": 1},
        "POST batches/runs/{run}/finish": {
            "attempt": 1,
            "outcome": "succeeded",
            "items": {"total": 0, "done": 0, "failed": 0, "skipped": 0},
        },
        "PUT backup/policy": {"keep_last": 5, "immutable_days": 1},
        "PUT plugins/{plugin}/rating": {"stars": 5},
        "POST plugins/{plugin}/reports": {"reason": "broken"},
        "POST plugins/{own_plugin}/versions/{version}/messages": {"text": "It counts words."},
        "POST organizations": {"name": "Acme"},
        # A provider on this machine, which nobody may name.
        "PUT organizations/{organization}/sso": {
            "issuer": "https://127.0.0.1",
            "client_id": "client",
            "client_secret": "secret",
        },
        "PATCH organizations/{organization}": {"name": "Umbrella"},
        "PATCH organizations/{organization}/members/{member}": {"role": "admin"},
        "POST organizations/{organization}/invitations": {
            "email": f"{secrets.token_hex(8)}@example.com",
            "role": "member",
        },
    }
    if operation in {f"{method} organizations/{{organization}}/sso" for method in ("GET", "PUT", "DELETE")}:
        set_sign_on_up(account)
    if operation in WHOLE:
        return WHOLE[operation](account)
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
