"""Another address for an account: asked for, shown to be read by who asked, and taken back by who has the old one.

An undo link goes to the address that the account has when a change is asked for, and works for seven days whatever
happens to the account meanwhile: it says "I had this account, and this was not me". So it leads back to *its* old
address however many changes came after, and neither a later change, nor its undo, nor a reset from the new address ends
it. Whoever steals an account could do each of these. For as long nobody else gets the old address.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import EmailChange, MailToken, MailTokenPurpose, SecurityEventType, User
from accounts.passwords import confirm_password
from accounts.recovery.mail_tokens import (
    UNDO_LIFETIME,
    consume_token,
    end_tokens,
    end_tokens_after,
    end_undo_after,
    find_token,
    no_such_token,
    void_pending_change,
)
from accounts.recovery.verification import verify_address
from accounts.security_events.recording import Origin, record
from accounts.sessions import revoke_all_sessions
from adiuva.api.errors import ValidationFailed
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import require_mail, send_mail
from adiuva.spelling import address_key, normalize_email

ADDRESS_PURPOSES = (MailTokenPurpose.VERIFY, MailTokenPurpose.CHANGE, MailTokenPurpose.UNDO)


def request_change(*, user: User, new_email: str, password: str) -> None:
    """Takes the place of a change that is pending. A taken address makes no difference to who asks, not even in the
    notice: its owner is told.

    Raises ``NotConfigured``, ``ValidationFailed`` (password, new_email).
    """
    require_mail()
    confirm_password(user=user, password=password, field="password")
    if address_key(new_email) == address_key(user.email):
        raise ValidationFailed({"new_email": ["This is the address of the account."]})
    new_email = normalize_email(new_email)
    # Both are asked for either way: the same work.
    owner, is_kept = User.objects.find(new_email), is_reserved(new_email, for_user=user.id)
    is_taken = owner is not None or is_kept
    with transaction.atomic():
        locked = User.objects.select_for_update(no_key=True).get(id=user.id)
        if address_key(locked.email) != address_key(user.email) or locked.password != user.password:
            raise ValidationFailed({"password": ["The account was changed meanwhile."]})
        void_pending_change(user_id=user.id)
        end_tokens(user_id=user.id, purposes=[MailTokenPurpose.CHANGE])
        change = EmailChange.objects.create(
            user=locked,
            old_email=locked.email,
            old_key=address_key(locked.email),
            new_email=new_email,
            requested_at=datetime.now(UTC),
        )
        facts = {"old_email": locked.email, "new_email": new_email, "change": str(change.id)}
        if is_taken:
            to, locale, account_id = (
                (owner.email, owner.locale, owner.id) if owner else (new_email, locked.locale, None)
            )
            send_mail(MailKind.ADDRESS_TAKEN, to=to, locale=locale, account_id=account_id)
        else:
            send_mail(MailKind.EMAIL_CHANGE, to=new_email, locale=locked.locale, account_id=locked.id, facts=facts)
        send_mail(
            MailKind.EMAIL_CHANGE_NOTICE, to=locked.email, locale=locked.locale, account_id=locked.id, facts=facts
        )


def use_address_token(*, token: str, origin: Origin) -> MailTokenPurpose:
    """Does what the link is for and says what that was. Raises ``ValidationFailed`` (token)."""
    try:
        with transaction.atomic():
            consumed = consume_token(raw=token, purposes=ADDRESS_PURPOSES)
            match consumed.purpose:
                case MailTokenPurpose.VERIFY:
                    verify_address(consumed)
                case MailTokenPurpose.CHANGE:
                    _confirm_change(consumed, origin=origin)
                case MailTokenPurpose.UNDO:
                    _undo_change(consumed, origin=origin)
            return MailTokenPurpose(consumed.purpose)
    except IntegrityError:
        # The database decides which of two accounts gets an address; what else it refuses is a fault of ours.
        refused = find_token(raw=token, purposes=ADDRESS_PURPOSES)
        wanted = _wanted_by(refused) if refused is not None else None
        if wanted is not None and User.objects.find(wanted) is not None:
            raise _taken() from None
        raise


def is_reserved(email: str, *, for_user: UUID | None = None) -> bool:
    """Whether another account had this address and may still want it back; one that is disabled may, too."""
    since = datetime.now(UTC) - UNDO_LIFETIME
    changes = EmailChange.objects.filter(
        old_key=address_key(email),
        confirmed_at__gt=since,
        ended_at__isnull=True,
        user__erasure_requested_at__isnull=True,
    )
    return (changes.exclude(user_id=for_user) if for_user else changes).exists()


def _confirm_change(token: MailToken, *, origin: Origin) -> None:
    change = _change_of(token)
    if change.confirmed_at is not None or change.ended_at is not None:
        raise no_such_token()
    if User.objects.find(change.new_email) is not None or is_reserved(change.new_email, for_user=token.user_id):
        raise _taken()
    change.confirmed_at = datetime.now(UTC)
    change.save(update_fields=["confirmed_at"])
    _move(token.user, change.new_email, origin=origin)
    # Links that were sent to the old address, but for the undo.
    end_tokens(
        user_id=token.user_id, purposes=[MailTokenPurpose.VERIFY, MailTokenPurpose.RESET, MailTokenPurpose.CHANGE]
    )


def _undo_change(token: MailToken, *, origin: Origin) -> None:
    """A change that did not come to pass, or a later one in its place, is voided; one that did is taken back."""
    user, change = token.user, _change_of(token)
    since = EmailChange.objects.filter(user_id=user.id, requested_at__gte=change.requested_at, ended_at__isnull=True)
    since.update(ended_at=datetime.now(UTC))
    if address_key(user.email) == change.old_key:
        end_tokens(user_id=user.id, purposes=[MailTokenPurpose.CHANGE])
        end_undo_after(change)
        return
    if User.objects.find(change.old_email) is not None:
        raise _taken()
    _move(user, change.old_email, origin=origin)
    revoke_all_sessions(user_id=user.id)
    end_tokens_after(change)
    # Whoever changed the address knew the password.
    send_mail(
        MailKind.PASSWORD_RESET, to=user.email, locale=user.locale, account_id=user.id, facts={"email": user.email}
    )


def _move(user: User, email: str, *, origin: Origin) -> None:
    """To an address that was just shown to be read."""
    user.set_address(email)
    user.email_verified_at = datetime.now(UTC)
    user.save(update_fields=["email", "address_key", "email_verified_at", "updated_at"])
    record(SecurityEventType.EMAIL_CHANGED, user_id=user.id, origin=origin)


def _tell_owner(owner: User | None, *, address: str, locale: str) -> None:
    """``owner``: None where the address is kept for one who may want it back."""
    if owner is None:
        send_mail(MailKind.ADDRESS_TAKEN, to=address, locale=locale, account_id=None)
    else:
        send_mail(MailKind.ADDRESS_TAKEN, to=owner.email, locale=owner.locale, account_id=owner.id)


def _change_of(token: MailToken) -> EmailChange:
    """As it is now that the account's row is locked."""
    return EmailChange.objects.get(mailtoken=token)


def _wanted_by(token: MailToken) -> str | None:
    """The address that an account would have by ``token``."""
    if token.email_change is None:
        return None
    return token.email_change.old_email if token.purpose == MailTokenPurpose.UNDO else token.email_change.new_email


def _taken() -> ValidationFailed:
    return ValidationFailed({"token": ["Another account has this address by now."]})
