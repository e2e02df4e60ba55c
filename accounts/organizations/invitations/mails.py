"""The link in the mail of an invitation: each try to send it makes a token of its own (ADR 18)."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings

from accounts.models import User, hash_of
from accounts.organizations.models import Invitation, InvitationToken
from adiuva.api.errors import RateLimited
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import seconds_until_room, send_mail


def register() -> None:
    register_composer(MailKind.INVITATION, _compose)


def mail_invitation(*, invitation: Invitation, invited_by: User) -> None:
    """In the language of the account that has the address, or of who invites. It counts as the latter's mail.

    Raises ``RateLimited`` where it would be one too many: an invitation without a mail invites nobody.
    """
    invited = User.objects.find(invitation.email)
    if not send_mail(
        MailKind.INVITATION,
        to=invitation.email,
        locale=(invited or invited_by).locale,
        account_id=invited_by.id,
        facts={"invitation": str(invitation.id)},
    ):
        raise RateLimited(
            retry_after=seconds_until_room(MailKind.INVITATION, to=invitation.email, account_id=invited_by.id),
            detail="This address was sent, or you have sent, as many invitations as may be; see Retry-After.",
        )


def find_invitation(*, raw: str) -> Invitation | None:
    """One that could be accepted now; None for a used, expired, revoked or unknown token."""
    pending = Invitation.objects.pending(datetime.now(UTC))
    found: Invitation | None = pending.filter(tokens__token_hash=hash_of(raw)).first()
    return found


def _compose(_account_id: UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact] | None:
    """None where it was accepted or revoked before the mail left, or the organisation is gone."""
    pending = Invitation.objects.pending(datetime.now(UTC)).select_related("organization", "invited_by")
    invitation = pending.filter(id=str(facts["invitation"])).first()
    if invitation is None:
        return None
    raw = secrets.token_urlsafe(32)
    InvitationToken.objects.create(invitation=invitation, token_hash=hash_of(raw))
    return {
        "organization": invitation.organization.name,
        "invited_by": invitation.invited_by.email if invitation.invited_by else None,
        "link": f"{settings.PUBLIC_URL}/account/invitation?token={raw}",
    }
