"""Members of the marketplace: what they submit, approve, install and see."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from adiuva.api.multipart import SpooledFile
from marketplace.models import PluginVersion
from marketplace.review.decisions import approve
from marketplace.submissions.validators.base import Submission
from marketplace.submissions.validators.runner import run_validators
from tests.marketplace.zip_archives import package
from tests.storage.records.devices import form
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

MAIN = b"export function activate() {}\n"
MANIFEST: dict[str, Any] = {
    "id": "word-count",
    "name": "Word Count",
    "version": "1.0.0",
    "description": "Counts the words of a note while you write it.",
    "category": "Writing",
    "price_cents": 0,
    "permissions": ["read:notes"],
    "entrypoint": "main.js",
}


@dataclass(frozen=True, slots=True)
class Member:
    api: ApiClient
    account: Account

    @property
    def token(self) -> str:
        return self.account.access_token

    @property
    def user(self) -> User:
        return self.account.user

    def submit(self, data: bytes | None = None, **changes: Any) -> Answer:
        """``MANIFEST`` with ``changes``; a field that is ``...`` is left out."""
        manifest = {name: value for name, value in (MANIFEST | changes).items() if value is not ...}
        return self.send(manifest=json.dumps(manifest), package=package(MAIN) if data is None else data)

    def send(self, **parts: str | bytes) -> Answer:
        """Texts go as fields, bytes as files, in this order."""
        body, content_type = form(**parts)
        return self.api.post("plugins", body=body, token=self.token, headers={"Content-Type": content_type})

    def publishes(self, data: bytes | None = None, **changes: Any) -> PluginVersion:
        """Submitted, and approved by somebody else."""
        answer = self.submit(data, **changes)
        assert answer.status == 201, answer
        version = PluginVersion.objects.get(plugin=answer.json["id"], version=answer.json["version"])
        approve(version=version, reviewer=reviewer())
        version.refresh_from_db()
        return version

    def get(self, path: str, **headers: str) -> Answer:
        return self.api.get(path, token=self.token, headers={name.replace("_", "-"): headers[name] for name in headers})

    def install(self, slug: str) -> None:
        answer = self.api.post(f"plugins/{slug}/install", token=self.token)
        assert answer.status in {200, 201}, answer

    def ids(self, query: str = "") -> list[str]:
        """Of the catalog's items."""
        answer = self.get(f"plugins{query}")
        assert answer.status == 200, answer
        return [item["id"] for item in answer.json["items"]]

    def mine(self) -> list[Any]:
        items: list[Any] = self.get("plugins/mine").json["items"]
        return items


def reviewer() -> User:
    user, _ = User.objects.get_or_create(email="reviewer@example.org", defaults={"is_staff": True})
    return user


def failures_of(checks: list[dict[str, Any]]) -> dict[str, Any]:
    """The checks that refuse a submission, by code. What could not be checked only follows from the others."""
    refusing = {one["code"]: one for one in checks if not one["passed"] and one["mode"] == "enforced"}
    return {code: one for code, one in refusing.items() if not one["message"].startswith("Not checked")}


def refusals_of(answer: Answer) -> dict[str, Any]:
    assert (answer.status, answer.code) == (422, "checks_failed"), answer
    return failures_of(answer.json["checks"])


def validate(data: bytes | None = None, *, author_id: UUID | None = None, **changes: Any) -> list[dict[str, Any]]:
    """The checklist, without a request."""
    manifest = {name: value for name, value in (MANIFEST | changes).items() if value is not ...}
    data = package(MAIN) if data is None else data
    spooled = SpooledFile(file=io.BytesIO(data), size_bytes=len(data))
    return run_validators(Submission(author_id=author_id or uuid4(), manifest=manifest, package=spooled))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
