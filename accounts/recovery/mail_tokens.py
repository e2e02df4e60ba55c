"""What the links in mails carry: random, for one use, and of which only the SHA-256 is kept (docs/api.md § 3)."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q

from accounts.models import EmailChange, MailToken, MailTokenPurpose, MailTokenQuerySet, User, hash_of
from adiuva.api.errors import ValidationFailed

RESET_LIFETIME = timedelta(minutes=30)
VERIFY_LIFETIME = CHANGE_LIFETIME = timedelta(days=3)
UNDO_LIFETIME = timedelta(days=7)

MAX_TOKEN = 128


def issue_token(
    *,
    user: User,
    purpose: MailTokenPurpose,
    email: str,
    lifetime: timedelta,
    email_change: EmailChange | None = None,
) -> str:
    """The raw token, which is kept nowhere. ``email``: the address that it is sent to."""
    raw, now = secrets.token_urlsafe(32), datetime.now(UTC)
    MailToken.objects.create(
        user=user,
        purpose=purpose,
        token_hash=hash_of(raw),
        email=email,
        email_change=email_change,
        created_at=now,
        expires_at=now + lifetime,
    )
    return raw


def find_token(*, raw: str, purposes: Iterable[MailTokenPurpose]) -> MailToken | None:
    """One that could be consumed now, with its user; None for a used, expired, void or unknown one."""
    tokens = MailToken.objects.usable(datetime.now(UTC)).select_related("user", "email_change")
    return tokens.filter(token_hash=hash_of(raw), purpose__in=list(purposes)).first()


def owner_of_token(raw: str) -> UUID | None:
    """Whose link it is or was, for the limits on tries."""
    return MailToken.objects.filter(token_hash=hash_of(raw)).values_list("user_id", flat=True).first()


def consume_token(*, raw: str, purposes: Iterable[MailTokenPurpose]) -> MailToken:
    """In the transaction of what the token is for: when that fails, the token is as good as before. Of N at once one
    gets it. Its user's row is locked from here on, before any token's, and ``token.user`` is that row.

    Raises ``ValidationFailed`` (token).
    """
    token = find_token(raw=raw, purposes=purposes)
    if token is None:
        raise no_such_token()
    user = User.objects.select_for_update(no_key=True).filter(id=token.user_id, is_active=True).first()
    # By the columns of its own: PostgreSQL looks at those again once it has waited for another use, at no subquery.
    unused = MailToken.objects.filter(id=token.id, ended_at__isnull=True)
    if user is None or not unused.update(ended_at=datetime.now(UTC)):
        raise no_such_token()
    token.user = user
    return token


def void_tokens(*, user_id: UUID, keep_undo_from_other_addresses_than: str | None = None) -> None:
    """Every link in every mail to the account is dead from now on, but for those that lead back to an address that the
    account had before the one given (``accounts.recovery.email_change``).
    """
    tokens = MailToken.objects.for_user(user_id)
    if keep_undo_from_other_addresses_than is not None:
        tokens = tokens.filter(~Q(purpose=MailTokenPurpose.UNDO) | Q(email=keep_undo_from_other_addresses_than))
    _end(tokens)


def end_tokens(*, user_id: UUID, purposes: Iterable[MailTokenPurpose]) -> None:
    _end(MailToken.objects.for_user(user_id).filter(purpose__in=list(purposes)))


def end_tokens_after(change: EmailChange) -> None:
    """All but the ways back from changes of address that were asked for before ``change``."""
    tokens = MailToken.objects.for_user(change.user_id)
    _end(tokens.filter(~Q(purpose=MailTokenPurpose.UNDO)))
    end_undo_after(change)


def end_undo_after(change: EmailChange) -> None:
    """The ways back from ``change`` and from those that were asked for later."""
    changes = EmailChange.objects.filter(user_id=change.user_id, requested_at__gte=change.requested_at)
    _end(MailToken.objects.filter(purpose=MailTokenPurpose.UNDO, email_change__in=changes))


def void_pending_change(*, user_id: UUID) -> None:
    """A change of address that waits for its link."""
    EmailChange.objects.filter(user_id=user_id, confirmed_at__isnull=True, ended_at__isnull=True).update(
        ended_at=datetime.now(UTC)
    )


def end_what_an_old_password_began(*, user_id: UUID) -> None:
    """Whoever has a link that sets a password, or that moves the account to where such links go, would undo the change
    of password that was to keep them out. Ways back to an earlier address stay.
    """
    end_tokens(user_id=user_id, purposes=[MailTokenPurpose.RESET, MailTokenPurpose.CHANGE])
    void_pending_change(user_id=user_id)


def _end(tokens: MailTokenQuerySet) -> None:
    tokens.filter(ended_at__isnull=True).update(ended_at=datetime.now(UTC))


def no_such_token() -> ValidationFailed:
    return ValidationFailed({"token": ["The link was used, has expired, or is not one of ours."]})
