"""Adding a passkey to an account: WebAuthn level 3 § 7.1."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.factors.passkeys import challenges, relying_party
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.service import announce_added, lock_account_of_session, require_room
from accounts.models import Factor, FactorType, User
from accounts.security_events.recording import Origin
from adiuva.api.errors import Conflict, ValidationFailed

DEFAULT_NAME = "Passkey"
REGISTERED = "This passkey is registered already."


def creation_options(*, user: User, session_id: UUID) -> dict[str, Any]:
    """For this session alone, five minutes long. The account's own passkeys are excluded: one is not registered twice.

    Raises ``Conflict`` (the account has as many factors as it may have), ``NotConfigured``, ``UpstreamUnavailable``.
    """
    require_room(user_id=user.id)
    excluded = Factor.objects.for_user(user.id).filter(type=FactorType.PASSKEY)
    challenge = challenges.issue(Purpose.REGISTER, subject=str(session_id))
    return relying_party.creation_options(user=user, challenge=challenge, excluded=excluded)


def register_passkey(*, user: User, session_id: UUID, credential: dict[str, Any], name: str, origin: Origin) -> Factor:
    """It counts at once: making it has shown that the person holds it.

    Raises:
        ValidationFailed: its challenge is not one of this session's, or used or expired; or the browser made it for
            somebody else.
        Conflict: it is registered already, or the account has as many factors as it may have.
        InvalidToken: the session is over.
        NotConfigured: as ``creation_options``; ``UpstreamUnavailable`` too.
    """
    challenge = relying_party.challenge_of(credential)
    if not challenges.redeem(challenge, Purpose.REGISTER, subject=str(session_id)):
        raise ValidationFailed({"credential": ["Its challenge is unknown, used or expired: start with new options."]})
    made = relying_party.verify_registration(credential=credential, challenge=challenge)
    with transaction.atomic():
        account = lock_account_of_session(user_id=user.id, session_id=session_id)
        require_room(user_id=user.id)
        now = datetime.now(UTC)
        try:
            with transaction.atomic():
                factor: Factor = Factor.objects.create(
                    user=account,
                    type=FactorType.PASSKEY,
                    name=name or DEFAULT_NAME,
                    created_at=now,
                    confirmed_at=now,
                    credential_id=made.id,
                    public_key=made.public_key,
                    sign_count=made.sign_count,
                    transports=made.transports,
                )
        except IntegrityError as error:
            raise Conflict(REGISTERED) from error
        announce_added(user=account, factor=factor, origin=origin, session_id=session_id)
        return factor
