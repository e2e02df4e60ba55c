"""Pages that links in mails lead to: opening one does nothing, one button acts."""

import html
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import EmailChange, MailToken, MailTokenPurpose, SecurityEvent, Session, User
from accounts.recovery.mail_tokens import CHANGE_LIFETIME, UNDO_LIFETIME, issue_token
from accounts.recovery.texts import TEXTS
from adiuva.locales import Locale
from tests.accounts.recovery.actions import NEW_PASSWORD, reset_token, verify_token
from tests.accounts.recovery.keys import KDF
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
NEW = "new@example.com"
OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}  # what a page without a referrer sends
BUTTON = re.compile(r"<button[^>]*>([^<]*)</button>")


def change_token(account: Account, purpose: MailTokenPurpose) -> str:
    change = EmailChange.objects.create(
        user=account.user,
        old_email=account.email,
        old_key=account.email,
        new_email=NEW,
        requested_at=datetime.now(UTC),
    )
    to, lifetime = (NEW, CHANGE_LIFETIME) if purpose == MailTokenPurpose.CHANGE else (account.email, UNDO_LIFETIME)
    return issue_token(user=account.user, purpose=purpose, email=to, lifetime=lifetime, email_change=change)


LINKS: dict[str, tuple[str, Callable[[Account], str], str]] = {
    "verify": ("verify", verify_token, "verify"),
    "change": ("email", lambda account: change_token(account, MailTokenPurpose.CHANGE), "change"),
    "undo": ("email", lambda account: change_token(account, MailTokenPurpose.UNDO), "undo"),
    "reset": ("reset", reset_token, "reset"),
}
each_link = pytest.mark.parametrize(("page", "make_token", "name"), LINKS.values(), ids=LINKS)


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def press(page: str, token: str, headers: dict[str, str] = OURS, **fields: str) -> Any:
    data = {"token": token, "password": NEW_PASSWORD} | fields
    return Client().post(f"/account/{page}", data, headers=headers)


@each_link
def test_opening_it_shows_one_button_and_changes_nothing(
    make_user: MakeUser, page: str, make_token: Callable[[Account], str], name: str
) -> None:
    account = make_user(verified=False)
    token = make_token(account)
    before = [list(model.objects.values()) for model in (User, MailToken, EmailChange, Session, SecurityEvent)]
    answers = [Client().get(f"/account/{page}?token={token}") for _ in range(3)]
    assert Client().head(f"/account/{page}?token={token}").status_code == 200
    assert before == [list(model.objects.values()) for model in (User, MailToken, EmailChange, Session, SecurityEvent)]
    text = text_of(answers[-1])
    assert BUTTON.findall(text) == [TEXTS[Locale.ENGLISH][f"{name}_button"]]
    assert f'href="adiuva://account/{page}?token={token}"' in text
    assert f'name="token" value="{token}"' in text


@each_link
def test_the_button_acts_once(make_user: MakeUser, page: str, make_token: Callable[[Account], str], name: str) -> None:
    account = make_user(verified=False)
    token = make_token(account)
    answer = press(page, token)
    assert answer.status_code == 200
    assert TEXTS[Locale.ENGLISH][f"{name}_done_title"] in text_of(answer)
    again = press(page, token)
    assert (again.status_code, BUTTON.findall(text_of(again))) == (410, [])
    assert TEXTS[Locale.ENGLISH]["gone_title"] in text_of(again)
    assert Client().get(f"/account/{page}?token={token}").status_code == 410


@each_link
def test_what_a_browser_is_told_about_it(
    make_user: MakeUser, page: str, make_token: Callable[[Account], str], name: str
) -> None:
    token = make_token(make_user())
    for answer in (
        Client().get(f"/account/{page}?token={token}"),
        press(page, token, {"Sec-Fetch-Site": "cross-site"}),
        press(page, token),
        press(page, token),
        Client().get(f"/account/{page}"),
    ):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
def test_a_form_elsewhere_presses_nothing(make_user: MakeUser, headers: dict[str, str]) -> None:
    account = make_user(verified=False)
    assert press("verify", verify_token(account), headers).status_code == 403
    assert not User.objects.get(id=account.user.id).email_verified


def test_a_link_of_one_page_is_none_of_another(make_user: MakeUser) -> None:
    account = make_user(verified=False)
    for page, token in [
        ("verify", reset_token(account)),
        ("email", reset_token(account)),
        ("reset", verify_token(account)),
    ]:
        assert Client().get(f"/account/{page}?token={token}").status_code == 410
        assert press(page, token).status_code == 410
    assert not MailToken.objects.filter(ended_at__isnull=False).exists()


def test_a_password_set_in_a_browser_begins_no_session(make_user: MakeUser) -> None:
    account = make_user()
    assert press("reset", reset_token(account)).status_code == 200
    assert User.objects.get(id=account.user.id).check_password(NEW_PASSWORD)
    assert not Session.objects.for_user(account.user.id).filter(revoked_at__isnull=True).exists()


@pytest.mark.parametrize("password", ["short", "12345678901", ""])
def test_a_refused_password_is_asked_for_again(make_user: MakeUser, password: str) -> None:
    token = reset_token(make_user())
    answer = press("reset", token, password=password)
    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert 'aria-describedby="hint error"' in text_of(answer)
    assert press("reset", token).status_code == 200


def test_an_account_with_a_kdf_is_reset_in_the_app_only(make_user: MakeUser) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(kdf=KDF)
    token = reset_token(account)
    for answer in (Client().get(f"/account/reset?token={token}"), press("reset", token)):
        assert BUTTON.findall(text_of(answer)) == []
        assert f'class="button" href="adiuva://account/reset?token={token}"' in text_of(answer)
    assert User.objects.get(id=account.user.id).check_password(account.password)


@pytest.mark.parametrize("locale", Locale.values)
def test_it_speaks_the_accounts_language_and_the_browsers_without_one(make_user: MakeUser, locale: str) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(locale=locale)
    texts = TEXTS[Locale(locale)]
    mine = text_of(Client().get(f"/account/verify?token={verify_token(account)}"))
    assert texts["verify_text"] in mine
    assert f'<html lang="{locale}">' in mine
    nobodys = text_of(Client().get("/account/verify?token=unknown", headers={"Accept-Language": locale}))
    assert texts["gone_text"] in nobodys


def test_each_language_says_everything() -> None:
    names = {frozenset(texts) for texts in TEXTS.values()}
    assert len(names) == 1
    assert all(text for texts in TEXTS.values() for text in texts.values())


def test_what_a_token_holds_is_text(make_user: MakeUser) -> None:
    answer = Client().get("/account/invitation", {"token": '"><script>'})
    assert "<script>" not in answer.content.decode()


def test_no_token_is_in_a_log(make_user: MakeUser, caplog: pytest.LogCaptureFixture) -> None:
    token = verify_token(make_user(verified=False))
    with caplog.at_level(logging.DEBUG):
        Client().get(f"/account/verify?token={token}")
        press("verify", token)
        press("verify", token)
    assert "/account/verify" in caplog.text
    assert token not in caplog.text
    assert all(token not in str(vars(record)) for record in caplog.records if record.name != "django.db.backends")


def test_the_pages_are_limited_like_the_routes(make_user: MakeUser) -> None:
    token = reset_token(make_user())
    answers = [press("reset", token, password="12345678901") for _ in range(21)]
    assert [answer.status_code for answer in answers] == [400] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
