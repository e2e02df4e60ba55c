"""Linking the account of somebody who is logged in to who they are at their organisation's provider."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.factors.service import lock_account_of_session
from accounts.handoff import codes
from accounts.models import Session
from accounts.organizations.audit.recording import record
from accounts.organizations.models import AuditType, AuditVia, Connection, Identity, Membership
from accounts.organizations.sso.claims import ProviderClaims
from accounts.organizations.sso.provisioning import require_membership
from accounts.organizations.sso.redeeming import find_identity, lock_place
from accounts.sessions import revoke_sessions
from adiuva.api.errors import Conflict, InvalidGrant
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail


def link_identity(*, user_id: UUID, session_id: UUID, code: str, code_verifier: str) -> None:
    """An account has one identity of a provider: another one takes the place of the one it had, whose other sessions
    end. The account's owner is told by mail: it is a way in that no new password ends.

    Raises:
        InvalidGrant: the code is none, is another login's, or its connection is gone or changed.
        NotProvisioned: neither is the account an active member, nor does the organisation take it in.
        Conflict: the identity is another account's.
        InvalidToken: the session is over.
        UpstreamUnavailable: the cache does not answer.
    """
    grant = codes.use_code(code=code, code_verifier=code_verifier)
    if grant.method != "sso":
        raise InvalidGrant
    claims = ProviderClaims.from_subject(grant.subject)
    with transaction.atomic():
        place = lock_place(claims)
        membership = Membership.objects.select_for_update().filter(user_id=user_id).first()
        user = lock_account_of_session(user_id=user_id, session_id=session_id)
        require_membership(
            connection=place.connection,
            organization=place.organization,
            user=user,
            membership=membership,
            claims=claims,
        )
        known = find_identity(claims)
        if known is not None and known.user_id != user_id:
            raise Conflict("Somebody else's account is linked to this identity.")
        if known is not None:
            return
        _put(connection=place.connection, user_id=user_id, session_id=session_id, claims=claims)
        record(
            AuditType.SSO_LINKED,
            organization_id=place.organization.id,
            actor=user,
            via=AuditVia.SSO,
            target_user=user,
        )
        send_mail(
            MailKind.IDENTITY_LINKED,
            to=user.email,
            locale=user.locale,
            account_id=user.id,
            facts={
                "organization": place.organization.name,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            },
        )


def _put(*, connection: Connection, user_id: UUID, session_id: UUID, claims: ProviderClaims) -> None:
    now = datetime.now(UTC)
    before = Identity.objects.for_user(user_id).filter(connection=connection, issuer=claims.issuer).first()
    if before is None:
        Identity.objects.create(
            connection=connection, issuer=claims.issuer, subject=claims.subject, user_id=user_id, linked_at=now
        )
        return
    # The provider would end those by the name that they began with. This one's owner has shown both.
    begun = Session.objects.for_user(user_id).filter(sso__identity=before, revoked_at__isnull=True)
    ended = begun.exclude(id=session_id)
    revoke_sessions(user_id=user_id, session_ids=list(ended.values_list("id", flat=True)))
    before.subject, before.linked_at, before.last_used_at = claims.subject, now, None
    before.save(update_fields=["subject", "linked_at", "last_used_at"])
