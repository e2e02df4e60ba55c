"""What an export of an account holds of its organisation: what is the account's own, and nothing of anybody else."""

from typing import Any
from uuid import UUID

from accounts.export.registry import register_document
from accounts.organizations.models import Identity, Membership


def collect_organization(user_id: UUID) -> dict[str, Any]:
    """``membership`` is null for who is in none; ``active`` is false where the directory has taken it back."""
    membership = Membership.objects.filter(user_id=user_id).select_related("organization").first()
    identities = Identity.objects.for_user(user_id).order_by("linked_at", "id")
    return {
        "membership": membership
        and {
            "organization_id": membership.organization_id,
            "organization": membership.organization.name,
            "role": membership.role,
            "active": membership.active,
            "joined_at": membership.joined_at,
            "made_by_the_organization": membership.is_provisioned,
            "user_name": membership.user_name or None,
            "external_id": membership.external_id or None,
        },
        "identities": list(identities.values("issuer", "subject", "linked_at", "last_used_at")),
    }


def register() -> None:
    register_document("organization.json", collect_organization)
