"""Whether an address is its account's: a mail to it, the link in that mail, and what asks for the answer."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts.models import MailToken, MailTokenPurpose, User
from accounts.recovery.mail_tokens import end_tokens, no_such_token
from adiuva.api.errors import EmailNotVerified, RateLimited
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from adiuva.mail.outbox import require_mail, send_mail

MOST_AGAIN, WINDOW = 3, timedelta(hours=1)
# A fact of the mails that were asked for, which tells them from registration's.
_ASKED_FOR = "asked_for"


def require_verified_email(user: User) -> None:
    """Raises ``EmailNotVerified``."""
    if not user.email_verified:
        raise EmailNotVerified


def send_verification(*, user: User) -> None:
    _send(user, is_asked_for=False)


def send_verification_again(*, user_id: UUID) -> None:
    """Nothing where the address is verified. Raises ``NotConfigured``, ``RateLimited`` (``MOST_AGAIN`` an hour)."""
    require_mail()
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        if user.email_verified:
            return
        now = datetime.now(UTC)
        lately = OutgoingMail.objects.filter(
            kind=MailKind.VERIFICATION, account_id=user_id, created_at__gt=now - WINDOW
        ).order_by("created_at")
        asked = [mail.created_at for mail in lately if mail.facts.get(_ASKED_FOR)]
        if len(asked) >= MOST_AGAIN:
            raise RateLimited(retry_after=(asked[-MOST_AGAIN] + WINDOW - now).total_seconds())
        _send(user, is_asked_for=True)


def verify_address(token: MailToken) -> None:
    """In the transaction that has consumed ``token``. Raises ``ValidationFailed`` (token): the account has another
    address by now.
    """
    user = token.user
    if token.email != user.email:
        raise no_such_token()
    mark_verified(user)


def mark_verified(user: User) -> None:
    """Of an account whose row is locked, and whose owner has just shown to read mails to its address."""
    if user.email_verified_at is None:
        user.email_verified_at = datetime.now(UTC)
        user.save(update_fields=["email_verified_at", "updated_at"])
    end_tokens(user_id=user.id, purposes=[MailTokenPurpose.VERIFY])


def _send(user: User, *, is_asked_for: bool) -> None:
    # The address is among the facts: its link must not be made for another one that the account has by then.
    facts = {"email": user.email} | ({_ASKED_FOR: 1} if is_asked_for else {})
    send_mail(MailKind.VERIFICATION, to=user.email, locale=user.locale, account_id=user.id, facts=facts)
