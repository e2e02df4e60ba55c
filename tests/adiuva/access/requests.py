"""One request for each operation that nothing is wrong with, so that its answer says who may make it."""

import base64
import hashlib
import json
import secrets
from typing import Any

from tests.backups.snapshots import label
from tests.marketplace.members import MAIN, MANIFEST
from tests.marketplace.zip_archives import package
from tests.storage.records.devices import form
from tests.support.accounts import PASSWORD, Account

CONTENT = b"sealed"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
SEALED = base64.b64encode(CONTENT).decode()
OCTETS = {"Content-Type": "application/octet-stream", "X-Checksum": CHECKSUM}
NEW_PASSWORD = "another long sentence"
QUERIES = {"POST storage/records": "?table_name=notes", "GET plugins/earnings": "?period=2026-01"}


def request_for(operation: str, account: Account) -> dict[str, Any]:
    """Arguments of ``ApiClient.request`` for ``operation`` ("POST chat"); ``account``: whose password and tokens."""
    vector = "00000000-0000-4000-8000-000000000001"
    bodies: dict[str, Any] = {
        "POST auth/register": {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD},
        "POST auth/login": {"email": account.email, "password": account.password},
        "POST auth/refresh": {"refresh_token": account.refresh_token},
        "POST auth/logout": {"refresh_token": account.refresh_token},
        "DELETE auth/me": {"password": account.password},
        "POST auth/password": {"current_password": account.password, "new_password": NEW_PASSWORD},
        "POST billing/checkout": {"tier": "team"},
        "POST chat": {"message": "create a task to buy milk"},
        "POST plans/templates/{template}/run": {"variables": {"message": "buy milk"}},
        "DELETE storage/vectors": {"ids": [vector]},
        "POST storage/vectors/upsert": {"vectors": [{"id": vector, "blob": SEALED, "checksum": CHECKSUM}]},
        "POST storage/vectors/search": {"blob": SEALED},
        "PUT plugins/{plugin}/rating": {"stars": 5},
    }
    if operation in bodies:
        return {"json": bodies[operation]}
    if operation in {"POST storage/records", "PUT storage/records/{record}"}:
        return {"body": CONTENT, "headers": OCTETS}
    if operation == "PUT backup":
        return {"body": CONTENT, "headers": {"Content-Type": OCTETS["Content-Type"], **label(CONTENT)}}
    if operation == "POST plugins":
        manifest = MANIFEST | {"id": f"new-{secrets.token_hex(6)}", "name": f"Plugin {secrets.token_hex(6)}"}
        body, content_type = form(manifest=json.dumps(manifest), package=package(MAIN))
        return {"body": body, "headers": {"Content-Type": content_type}}
    return {}
