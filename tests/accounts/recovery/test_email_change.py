from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from accounts.models import EmailChange, MailToken, SecurityEvent, Session, User
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from adiuva.mail.outbox import send_mail
from adiuva.mail.sending import send_now
from tests.accounts.recovery.actions import (
    ask_for_change,
    change_address,
    confirm_reset,
    log_in,
    mailed_reset_token,
    mailed_token,
    use,
)
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.mailbox import last_message_to, messages_to

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]
NEW, THIRD = "new@example.com", "third@example.com"


def refused_on(answer: Answer) -> set[str]:
    assert (answer.status, answer.code) == (400, "validation_error")
    return set(answer.json["errors"])


def address_of(account: Account) -> str:
    return User.objects.get(id=account.user.id).email


def as_thief(account: Account) -> Account:
    """Somebody else with the password, and a session of their own."""
    tokens = log_in(address_of(account), account.password).json
    return Account(
        user=account.user,
        email=account.email,
        password=account.password,
        access_token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        session_id=account.session_id,
    )


def test_it_takes_effect_when_the_new_address_is_verified(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    assert ask_for_change(account, "New@Example.com").status == 202
    assert address_of(account) == account.email
    assert use(mailed_token(NEW)).status == 204
    user = User.objects.get(id=account.user.id)
    assert (user.email, user.address_key, user.email_verified) == (NEW, NEW, True)
    assert log_in(NEW, account.password).status == 200
    assert log_in(account.email, account.password).status == 401
    assert ApiClient().get("auth/me", token=account.access_token).json["email"] == NEW
    assert SecurityEvent.objects.for_user(user.id).filter(type="email_changed").count() == 1


def test_what_is_refused(make_user: MakeUser) -> None:
    account = make_user()
    assert refused_on(ask_for_change(account, NEW, password="another one")) == {"password"}
    assert refused_on(ask_for_change(account, account.email.upper())) == {"new_email"}
    assert refused_on(ask_for_change(account, "no address")) == {"new_email"}
    assert not EmailChange.objects.exists()


def test_a_taken_address_is_told_to_its_owner_alone(make_user: MakeUser) -> None:
    asking, owner = make_user(), make_user(email="ada@münchen.example")
    taken = ask_for_change(asking, "ADA@xn--mnchen-3ya.example")
    assert len(messages_to(asking.email)) == 1, "the notice must not tell one from the other either"
    free = ask_for_change(asking, NEW)
    assert (taken.status, taken.content) == (free.status, free.content) == (202, b"")
    assert len(messages_to(owner.email)) == 1
    assert "token=" not in last_message_to(owner.email).body
    assert len(messages_to(asking.email)) == 2
    assert MailToken.objects.filter(purpose="change").count() == 1


def test_a_second_request_takes_the_place_of_the_first(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    first = mailed_token(NEW)
    ask_for_change(account, THIRD)
    assert refused_on(use(first)) == {"token"}
    assert use(mailed_token(THIRD)).status == 204
    assert address_of(account) == THIRD


def test_an_address_that_was_taken_meanwhile(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    token = mailed_token(NEW)
    other = make_user(email=NEW)
    assert refused_on(use(token)) == {"token"}
    assert address_of(account) == account.email
    User.objects.filter(id=other.user.id).delete()
    assert use(token).status == 204, "nothing was spent"


def test_links_to_the_old_address_end_with_it(make_user: MakeUser) -> None:
    account = make_user()
    reset = mailed_reset_token(account.email)
    change_address(account, NEW)
    assert refused_on(confirm_reset(reset)) == {"token"}


def test_a_pending_change_is_voided_by_the_old_address(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    change, undo = mailed_token(NEW), mailed_token(account.email)
    assert use(undo).status == 204
    assert refused_on(use(change)) == {"token"}
    assert address_of(account) == account.email
    assert ApiClient().get("auth/me", token=account.access_token).status == 200


def test_a_change_that_is_done_goes_back(make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, NEW)
    reset = mailed_reset_token(NEW)
    assert use(undo).status == 204
    assert address_of(account) == account.email
    assert not Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).exists()
    assert refused_on(confirm_reset(reset)) == {"token"}
    assert refused_on(use(undo)) == {"token"}
    assert confirm_reset(mailed_token(account.email)).status == 200, "who changed it knew the password"


def test_the_way_back_is_open_for_seven_days(make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, NEW)
    row = MailToken.objects.get(purpose="undo")
    assert row.expires_at - row.created_at == timedelta(days=7)
    MailToken.objects.update(
        created_at=F("created_at") - timedelta(days=7), expires_at=F("expires_at") - timedelta(days=7)
    )
    assert refused_on(use(undo)) == {"token"}


def test_a_thief_who_moves_on_cannot_cut_the_way_back(make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, NEW)
    thiefs_undo = change_address(as_thief(account), THIRD)
    assert use(thiefs_undo).status == 204  # back to the thief's first address, which is not the owner's
    assert address_of(account) == NEW
    change_address(as_thief(account), "fourth@example.com")
    assert use(undo).status == 204
    assert address_of(account) == account.email


def test_nor_by_a_reset_from_the_new_address(make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, NEW)
    assert confirm_reset(mailed_reset_token(NEW)).status == 200
    assert use(undo).status == 204
    assert address_of(account) == account.email


def test_the_owners_undo_ends_the_thiefs(make_user: MakeUser) -> None:
    account = make_user()
    undo = change_address(account, NEW)
    thiefs_undo = change_address(as_thief(account), THIRD)
    assert use(undo).status == 204
    assert refused_on(use(thiefs_undo)) == {"token"}
    assert address_of(account) == account.email


def test_a_replaced_requests_link_undoes_what_came_in_its_place(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    undo = mailed_token(account.email)
    change_address(account, THIRD)
    assert use(undo).status == 204
    assert address_of(account) == account.email


def test_nobody_else_gets_the_old_address_meanwhile(make_user: MakeUser) -> None:
    account, other = make_user(email="straße@example.com"), make_user()
    undo = change_address(account, NEW)
    assert ask_for_change(other, "strasse@example.com").status == 202
    assert not MailToken.objects.filter(purpose="change", ended_at__isnull=True).exists()
    credentials = {"email": "strasse@example.com", "password": "correct horse battery"}
    assert ApiClient().post("auth/register", json=credentials).code == "email_taken"
    assert use(undo).status == 204
    assert address_of(account) == account.email


def test_nor_while_the_account_is_disabled(make_user: MakeUser) -> None:
    """As an operator may, who looks into what a thief has done."""
    account = make_user()
    undo = change_address(account, NEW)
    User.objects.filter(id=account.user.id).update(is_active=False)
    credentials = {"email": account.email, "password": "correct horse battery"}
    assert ApiClient().post("auth/register", json=credentials).code == "email_taken"
    assert refused_on(use(undo)) == {"token"}
    User.objects.filter(id=account.user.id).update(is_active=True)
    assert use(undo).status == 204
    assert address_of(account) == account.email


def test_the_notice_of_a_change_leaves_while_the_account_is_disabled(make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_active=False)
    change = EmailChange.objects.create(
        user=account.user, old_email=account.email, old_key=account.email, new_email=NEW, requested_at=datetime.now(UTC)
    )
    facts = {"old_email": account.email, "new_email": NEW, "change": str(change.id)}
    send_mail(MailKind.EMAIL_CHANGE_NOTICE, to=account.email, locale="en", account_id=account.user.id, facts=facts)
    undo = mailed_token(account.email)
    User.objects.filter(id=account.user.id).update(is_active=True)
    assert use(undo).status == 204


def test_its_owner_may_take_it_again(make_user: MakeUser) -> None:
    account = make_user()
    change_address(account, NEW)
    change_address(account, account.email)
    assert address_of(account) == account.email


def test_a_closed_accounts_links_are_dead(make_user: MakeUser) -> None:
    account = make_user()
    ask_for_change(account, NEW)
    change, undo = mailed_token(NEW), mailed_token(account.email)
    User.objects.filter(id=account.user.id).update(is_active=False)
    assert refused_on(use(change)) == refused_on(use(undo)) == {"token"}


def test_an_address_of_an_account_that_is_gone_is_free(make_user: MakeUser) -> None:
    account, other = make_user(), make_account()
    change_address(account, NEW)
    User.objects.filter(id=account.user.id).delete()
    ask_for_change(other, account.email)
    assert use(mailed_token(account.email)).status == 204


def test_many_changes_at_once_leave_nobody_without_a_way_back(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes the place of the one before, and the notice of the last is one too many."""
    account = make_user()
    monkeypatch.setattr("adiuva.mail.outbox.enqueue", lambda *_, **__: None)  # a worker that is busy
    for number in range(12):
        assert ask_for_change(account, f"thief{number}@example.com").status == 202
    for mail_id in OutgoingMail.objects.order_by("created_at").values_list("id", flat=True):
        send_now(mail_id=mail_id)
    moving = mailed_token("thief11@example.com")
    assert use(moving).status == 204
    assert use(mailed_token(account.email)).status == 204
    assert User.objects.get(id=account.user.id).email == account.email
