"""What staff do for somebody who cannot get in: a mail, and never a password."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import SecurityEvent, User
from adiuva.mail.models import OutgoingMail
from tests.accounts.recovery.actions import confirm_reset, mailed_token, use
from tests.accounts.staff.authenticators import set_up
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
Staff = Callable[..., Client]
RESET, VERIFICATION = "send-password-reset", "send-verification"


@pytest.fixture
def staff(make_user: MakeUser) -> Staff:
    def browser(*permissions: str, superuser: bool = False, checks_csrf: bool = False) -> Client:
        user = make_user().user
        user.is_staff, user.is_superuser = True, superuser
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client(raise_request_exception=False, enforce_csrf_checks=checks_csrf)
        client.force_login(user)
        return client

    return browser


def page(user: User, action: str = "change") -> str:
    return f"/admin/accounts/user/{user.id}/{action}/"


def press(client: Client, user: User, action: str) -> Any:
    return client.post(page(user, action), follow=True)


def kinds_to(account: Account) -> list[str]:
    return list(OutgoingMail.objects.filter(recipient=account.email).values_list("kind", flat=True))


def test_who_may_change_an_account_sends_it_a_reset_mail_and_that_is_written_down(
    staff: Staff, make_user: MakeUser
) -> None:
    account, client = make_user(), staff("view_user", "change_user")
    before = account.user.password
    answer = press(client, account.user, RESET)
    assert f"A password reset mail leaves for {account.email}." in answer.content.decode()
    assert kinds_to(account) == ["password_reset"]
    [entry] = LogEntry.objects.all()
    assert (entry.object_id, str(entry.user_id)) == (str(account.user.id), client.session["_auth_user_id"])
    assert entry.get_change_message() == "Sent a password reset mail."
    account.user.refresh_from_db()
    assert account.user.password == before


def test_a_verification_mail_is_sent_again_while_there_is_something_to_verify(
    staff: Staff, make_user: MakeUser
) -> None:
    account, client = make_user(verified=False), staff("view_user", "change_user")
    assert VERIFICATION in client.get(page(account.user)).content.decode()
    press(client, account.user, VERIFICATION)
    assert kinds_to(account) == ["verification"]
    User.objects.filter(id=account.user.id).update(email_verified_at=datetime.now(UTC))
    assert VERIFICATION not in client.get(page(account.user)).content.decode()
    assert "verified already" in press(client, account.user, VERIFICATION).content.decode()
    assert kinds_to(account) == ["verification"]


@pytest.mark.parametrize("action", [RESET, VERIFICATION])
def test_a_mail_takes_a_button_a_permission_and_the_forms_token(staff: Staff, make_user: MakeUser, action: str) -> None:
    account = make_user(verified=False)
    assert staff("view_user", "change_user").get(page(account.user, action)).status_code == 405
    assert staff("view_user").post(page(account.user, action)).status_code == 403
    assert action not in staff("view_user").get(page(account.user)).content.decode()
    careless = staff("view_user", "change_user", checks_csrf=True)
    assert careless.post(page(account.user, action)).status_code == 403
    assert kinds_to(account) == []


def test_only_a_superuser_sends_one_to_staff(staff: Staff, make_user: MakeUser) -> None:
    """Whoever reads that mailbox would get in by it."""
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_staff=True)
    assert staff("view_user", "change_user").post(page(account.user, RESET)).status_code == 403
    assert press(staff(superuser=True), account.user, RESET).status_code == 200
    assert kinds_to(account) == ["password_reset"]


def test_without_mail_it_says_so(staff: Staff, make_user: MakeUser, settings: Any) -> None:
    account, client = make_user(), staff(superuser=True)
    settings.IS_PROD, settings.EMAIL_URL = True, ""
    assert "EMAIL_URL is not set" in press(client, account.user, RESET).content.decode()
    assert (kinds_to(account), LogEntry.objects.count()) == ([], 0)


def test_a_closed_account_gets_none(staff: Staff, make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(is_active=False)
    assert "closed or disabled" in press(staff(superuser=True), account.user, RESET).content.decode()
    assert kinds_to(account) == []


def test_an_accounts_page_tells_that_there_is_a_second_factor_and_nothing_of_it(
    staff: Staff, make_user: MakeUser
) -> None:
    account, client = make_user(), staff(superuser=True)
    _, codes = set_up(account.user)
    text = client.get(page(account.user)).content.decode()
    assert "Second factor" in text
    factor = account.user.factors.get()
    for secret in (factor.sealed_secret, *account.user.recovery_codes.values_list("code_hash", flat=True), *codes):
        assert secret not in text


def test_events_of_security_are_there_to_look_at(staff: Staff, make_user: MakeUser) -> None:
    account, client = make_user(), staff(superuser=True)
    event = SecurityEvent.objects.for_user(account.user.id).get()
    path = "/admin/accounts/securityevent/"
    assert account.email in client.get(f"{path}?q={account.email}").content.decode()
    assert client.get(f"{path}{event.pk}/change/").status_code == 200
    assert client.post(f"{path}{event.pk}/change/", {"type": "logout"}).status_code == 403


def test_what_mails_say_is_on_no_page(staff: Staff, make_user: MakeUser) -> None:
    account, client = make_user(), staff(superuser=True)
    press(client, account.user, RESET)
    mail = OutgoingMail.objects.get()
    OutgoingMail.objects.update(facts={"link": "https://adiuva.example/secret-link"})
    path = "/admin/mail/outgoingmail/"
    for shown in (path, f"{path}{mail.pk}/change/"):
        answer = client.get(shown)
        assert (answer.status_code, b"secret-link" in answer.content) == (200, False)


@pytest.mark.django_db(transaction=True)
def test_the_mails_do_leave_and_their_links_work(staff: Staff, make_user: MakeUser) -> None:
    account, client = make_user(verified=False), staff(superuser=True)
    press(client, account.user, RESET)
    assert confirm_reset(mailed_token(account.email)).status == 200
    User.objects.filter(id=account.user.id).update(email_verified_at=None)
    press(client, account.user, VERIFICATION)
    assert use(mailed_token(account.email)).status == 204
