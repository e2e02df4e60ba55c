"""A forgotten password: a link by mail, and a new password for it.

What a new password cannot bring back is the key that the old one sealed (docs/api.md § 13): the envelopes of the
forgotten password go, everything else that the account stores stays.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import password_changed
from django.db import transaction

from accounts.factors.challenges import open_challenge
from accounts.factors.service import has_second_factor
from accounts.keys.envelopes import drop_password_envelopes, replace_envelopes, require_no_replacement
from accounts.models import ChallengePurpose, MailTokenPurpose, SecurityEventType, User, hash_of
from accounts.organizations.problems import SsoRequired
from accounts.passwords import check_password_rules
from accounts.recovery.mail_tokens import consume_token, find_token, no_such_token, void_tokens
from accounts.security_events.recording import Origin, record
from accounts.sessions import AuthTokens, enforcement, start_session
from adiuva.api.errors import Problem, SecondFactorRequired, ValidationFailed
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import require_mail, send_mail
from adiuva.spelling import password_forms


@dataclass(frozen=True, slots=True)
class Reset:
    """``locked``: the account had key envelopes and none is left, so nothing opens its data any more."""

    tokens: AuthTokens
    locked: bool


def request_reset(*, email: str, locale: str) -> None:
    """The same work for an address that nobody has: one look, one row, one job, which drops what has no account.

    Raises ``NotConfigured``.
    """
    require_mail()
    user = User.objects.find(email)
    # To the spelling that the account has, never to the one that was typed: both may be compared alike and yet be two
    # people's mailboxes.
    to, language, account_id = (user.email, user.locale, user.id) if user else (email, locale, uuid.uuid4())
    with transaction.atomic():
        send_mail(MailKind.PASSWORD_RESET, to=to, locale=language, account_id=account_id, facts={"email": to})


def send_reset(*, user: User) -> None:
    """What staff do for somebody: the same mail. Nothing where no mail is configured."""
    send_mail(
        MailKind.PASSWORD_RESET, to=user.email, locale=user.locale, account_id=user.id, facts={"email": user.email}
    )


def reset_password(
    *,
    token: str,
    new_password: str,
    origin: Origin,
    kdf: Mapping[str, Any] | None = None,
    envelopes: Iterable[Mapping[str, Any]] = (),
) -> Reset:
    """Everything in one transaction, and the token is spent in it: a process that dies, and a password that is refused,
    leave the old password, its envelopes and the link as they were.

    Raises:
        ValidationFailed: on token, new_password or envelopes.
        SsoRequired: a session begins at the provider of the user's organisation. The password **is** changed, unless
            nobody has used the account yet.
        SecondFactorRequired: so it is; the session begins with the second factor.
    """
    hashed = _hash_if_allowed(token=token, new_password=new_password)
    with transaction.atomic():
        user = _change_password(token=token, new_password=new_password, hashed=hashed, kdf=kdf)
        given = list(envelopes)
        if has_second_factor(user_id=user.id):
            # Whoever reads the mailbox comes no further than this, and must not take the recovery phrase with them.
            require_no_replacement(user=user, envelopes=given)
        locked = drop_password_envelopes(user=user) and not given
        replace_envelopes(user=user, envelopes=given, origin=origin)
        next_step = _begin_session(user, locked=locked, origin=origin)
    if isinstance(next_step, Problem):
        raise next_step  # after the commit
    return Reset(tokens=next_step, locked=locked)


def reset_password_in_browser(*, token: str, new_password: str, origin: Origin) -> None:
    """As ``reset_password``, and no session begins: a page has no use for tokens, and the app asks for the second
    factor when it logs in. Raises ``ValidationFailed`` (token, new_password), with a ``kdf`` always: a browser cannot
    derive the keys.
    """
    hashed = _hash_if_allowed(token=token, new_password=new_password)
    with transaction.atomic():
        if User.objects.filter(mail_tokens__token_hash=hash_of(token), kdf__isnull=False).exists():
            raise ValidationFailed({"token": ["This account's password is reset in the app."]})
        user = _change_password(token=token, new_password=new_password, hashed=hashed, kdf=None)
        drop_password_envelopes(user=user)
        record(SecurityEventType.PASSWORD_RESET, user_id=user.id, origin=origin)


def _begin_session(user: User, *, locked: bool, origin: Origin) -> AuthTokens | SsoRequired | SecondFactorRequired:
    enforcing = enforcement().find_enforcing(user.id)
    if enforcing is not None:
        record(SecurityEventType.PASSWORD_RESET, user_id=user.id, origin=origin)
        return SsoRequired(
            enforcing, "The password is changed. Your organisation asks you to sign in with its provider."
        )
    if not has_second_factor(user_id=user.id):
        return start_session(user=user, origin=origin, event=SecurityEventType.PASSWORD_RESET)
    record(SecurityEventType.PASSWORD_RESET, user_id=user.id, origin=origin)
    return open_challenge(user=user, purpose=ChallengePurpose.RESET, locked=locked)


def _hash_if_allowed(*, token: str, new_password: str) -> str:
    """Before the transaction: it takes a tenth of a second, for which no lock is held."""
    found = find_token(raw=token, purposes=[MailTokenPurpose.RESET])
    if found is None:
        raise no_such_token()
    check_password_rules(password=new_password, user=found.user, field="new_password")
    return make_password(password_forms(new_password)[0])


def _change_password(*, token: str, new_password: str, hashed: str, kdf: Mapping[str, Any] | None) -> User:
    """Spends the token, ends the sessions and every other link but those that lead back to an earlier address."""
    consumed = consume_token(raw=token, purposes=[MailTokenPurpose.RESET])
    user = consumed.user
    if consumed.email != user.email:
        raise no_such_token()
    if user.last_login is None and not user.has_usable_password():
        # Made by a directory and not used yet: with a password its provider could not let it in any more.
        enforcing = enforcement().find_enforcing(user.id)
        if enforcing is not None:
            raise SsoRequired(enforcing)
    user.password = hashed
    user.kdf = dict(kdf) if kdf is not None else None
    if user.email_verified_at is None:
        user.email_verified_at = datetime.now(UTC)
    user.save(update_fields=["password", "kdf", "email_verified_at", "updated_at"])
    # Which ends the sessions and a pending change of address: accounts.passwords.EndSessions.
    password_changed(new_password, user)
    void_tokens(user_id=user.id, keep_undo_from_other_addresses_than=user.email)
    send_mail(
        MailKind.PASSWORD_CHANGED,
        to=user.email,
        locale=user.locale,
        account_id=user.id,
        facts={"at": datetime.now(UTC).isoformat(timespec="seconds")},
    )
    return user
