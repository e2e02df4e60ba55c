"""A directory to test with: an organisation with a proven domain, a token, and the wire."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from accounts.organizations.models import AuditEntry, Domain, Organization
from accounts.organizations.scim.tokens.service import create_token
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import make_organization

DOMAIN = "acme.example"
SCIM = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(frozen=True, slots=True)
class Directory:
    organization: Organization
    owner: Account
    token: str
    api: ApiClient = field(default_factory=ApiClient)

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **kwargs: Any) -> Answer:
        kwargs.setdefault("content_type", SCIM)
        url = f"/scim/v2/{self.organization.id}/{path}"
        if body is not None:
            kwargs["body"] = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.api.request(method, url, token=self.token if token is None else token, **kwargs)

    def create(self, **attributes: Any) -> Answer:
        body = {"schemas": [USER], "userName": address(), "active": True} | attributes
        return self.ask("POST", "Users", body)

    def make(self, **attributes: Any) -> Any:
        """The resource."""
        created = self.create(**attributes)
        assert created.status == 201, created
        return created.json

    def patch(self, user: Mapping[str, Any], *operations: Any) -> Answer:
        return self.ask("PATCH", f"Users/{user['id']}", {"schemas": [PATCH], "Operations": list(operations)})

    def get(self, user: Mapping[str, Any]) -> Answer:
        return self.ask("GET", f"Users/{user['id']}")

    def audit(self) -> list[str]:
        """The types of what happened, oldest first, but for the token's."""
        rows = AuditEntry.objects.of_organization(self.organization.id).order_by("at")
        return [row.type for row in rows if not row.type.startswith("scim_token")]


def make_directory(*, seats: int = 5, domain: str = DOMAIN) -> Directory:
    organization, owner = make_organization(seats=seats)
    now = datetime.now(UTC)
    Domain.objects.create(
        organization=organization, name=domain, txt_value=uuid.uuid4().hex, created_at=now, verified_at=now
    )
    _, token = create_token(organization_id=organization.id, actor=owner.user)
    return Directory(organization=organization, owner=owner, token=token)


def address(domain: str = DOMAIN) -> str:
    return f"u{uuid.uuid4().hex[:10]}@{domain}"


def refusal(answer: Answer) -> tuple[int, str | None]:
    """Status and scimType of an error; fails for anything that is not in the shape of RFC 7644 § 3.12."""
    document = answer.json
    assert answer.headers["Content-Type"] == SCIM, answer
    assert document["schemas"] == [ERROR]
    assert document["status"] == str(answer.status)
    assert document["detail"]
    assert set(document) <= {"schemas", "status", "scimType", "detail"}
    return answer.status, document.get("scimType")
