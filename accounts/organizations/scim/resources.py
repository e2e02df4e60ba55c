"""How users and lists of them look in SCIM (RFC 7643 § 4.1, RFC 7644 § 3.4.2), and what we say of ourselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from accounts.organizations.models import Membership
from accounts.organizations.scim.parsing import MOST_COUNT, USER_SCHEMA
from accounts.organizations.scim.problems import ScimRefused
from adiuva.api.fields import rfc_3339

_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:Schema"
_RESOURCE_TYPE: Final = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
_CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
_ALWAYS: Final = frozenset({"id", "schemas"})  # RFC 7643 § 7, ``returned``

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which attributes are wanted (``attributes``) or not (``excludedAttributes``), in lower case; None: all."""

    only: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()

    def of(self, resource: Resource) -> Resource:
        return {name: value for name, value in resource.items() if self._has(name.lower())}

    def _has(self, name: str) -> bool:
        if name in _ALWAYS:
            return True
        return name not in self.excluded if self.only is None else name in self.only


def read_selection(parameters: Mapping[str, Any]) -> Selection:
    """Names are those of RFC 7644 § 3.10, parted by commas or in a list; a part of an attribute stands for all of it.

    Raises ``ScimRefused`` (``invalidValue``) for both at once (§ 3.9), and for what are no names.
    """
    only, excluded = (_names(parameters.get(name)) for name in ("attributes", "excludedAttributes"))
    if only and excluded:
        raise ScimRefused("invalidValue", "attributes and excludedAttributes exclude each other.")
    return Selection(only=only or None, excluded=excluded)


def _names(value: Any) -> frozenset[str]:
    listed = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise ScimRefused("invalidValue", "attributes and excludedAttributes are names of attributes.")
    plain = (name.strip().lower().removeprefix(f"{USER_SCHEMA}:".lower()) for name in listed)
    return frozenset(name.partition(".")[0] for name in plain if name)


def represent_user(membership: Membership) -> Resource:
    """``membership.user`` must be loaded."""
    resource: Resource = {
        "schemas": [USER_SCHEMA],
        "id": str(membership.user_id),
        "userName": membership.user_name or membership.user.email,
        "active": membership.active,
        "meta": {
            "resourceType": "User",
            "created": rfc_3339(membership.joined_at),
            "location": location(membership.organization_id, f"Users/{membership.user_id}"),
        },
    }
    return resource | ({"externalId": membership.external_id} if membership.external_id else {})


def location(organization_id: UUID, path: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/scim/v2/{organization_id}/{path}"


def represent_list(resources: Sequence[Resource], *, total: int | None = None, start: int = 1) -> Resource:
    """``total`` is of all pages; where it is None, this is all."""
    return {
        "schemas": [_LIST],
        "totalResults": len(resources) if total is None else total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


# --- what can be asked for ------------------------------------------------------------------------------------------


def describe_provider(organization_id: UUID) -> Resource:
    """RFC 7643 § 5."""
    return {
        "schemas": [_CONFIG],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST_COUNT},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A token of the organisation: POST /api/v1/organizations/{id}/scim/tokens.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": location(organization_id, "ServiceProviderConfig"),
        },
    }


def describe_resource_types(organization_id: UUID) -> list[Resource]:
    """RFC 7643 § 6."""
    return [
        {
            "schemas": [_RESOURCE_TYPE],
            "id": "User",
            "name": "User",
            "description": "A member of the organisation.",
            "endpoint": "/Users",
            "schema": USER_SCHEMA,
            "schemaExtensions": [],
            "meta": {"resourceType": "ResourceType", "location": location(organization_id, "ResourceTypes/User")},
        }
    ]


def describe_schemas(organization_id: UUID) -> list[Resource]:
    """RFC 7643 § 7, of what is kept. ``id``, ``externalId`` and ``meta`` are in no schema (§ 3.1)."""
    return [
        {
            "schemas": [_SCHEMA],
            "id": USER_SCHEMA,
            "name": "User",
            "description": "A member of the organisation.",
            "attributes": [
                _attribute(
                    "userName",
                    "string",
                    description="An address in a domain that the organisation has proven.",
                    is_required=True,
                    uniqueness="server",
                ),
                _attribute("active", "boolean", description="Whether they are a member and have a seat."),
            ],
            "meta": {"resourceType": "Schema", "location": location(organization_id, f"Schemas/{USER_SCHEMA}")},
        }
    ]


def _attribute(
    name: str, kind: str, *, description: str, is_required: bool = False, uniqueness: str = "none"
) -> Resource:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": description,
        "required": is_required,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": uniqueness,
    }


def find_by_id(resources: Iterable[Resource], wanted: str) -> Resource | None:
    return next((one for one in resources if one["id"] == wanted), None)
