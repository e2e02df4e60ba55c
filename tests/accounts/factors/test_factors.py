"""Setting an authenticator app up, and taking it away again."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from accounts.factors.recovery_codes import make_codes
from accounts.factors.service import has_second_factor
from accounts.factors.totp import confirm_totp, start_totp
from accounts.models import Factor, FactorType, SecurityEvent, Session
from accounts.sessions import revoke_all_sessions
from adiuva.api.errors import InvalidToken
from adiuva.mail.models import OutgoingMail
from tests.accounts.factors.authenticator import App, AppClock, add_app, challenge_of, log_in
from tests.support.accounts import TESTS, Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MISSING = "00000000-0000-4000-8000-000000000000"


def start(account: Account, body: Any = None) -> Answer:
    return ApiClient().post("auth/factors/totp", json=body, token=account.access_token)


def confirm(account: Account, factor_id: str, code: str) -> Answer:
    return ApiClient().post(f"auth/factors/{factor_id}/confirm", json={"code": code}, token=account.access_token)


def listed(account: Account) -> Any:
    answer = ApiClient().get("auth/factors", token=account.access_token)
    assert answer.status == 200
    return answer.json


def remove(account: Account, factor_id: str) -> Answer:
    return ApiClient().delete(f"auth/factors/{factor_id}", token=account.access_token)


def events(account: Account) -> list[str]:
    return list(SecurityEvent.objects.for_user(account.user.id).order_by("id").values_list("type", flat=True))


def mails(account: Account) -> list[tuple[str, dict[str, Any]]]:
    """Kind and facts of what waits to be sent to the account, but for the times."""
    waiting = OutgoingMail.objects.filter(recipient=account.email).order_by("created_at")
    return [(mail.kind, {name: mail.facts[name] for name in mail.facts.keys() - {"at"}}) for mail in waiting]


def make_stale(account: Account) -> None:
    Session.objects.filter(id=account.session_id).update(fresh_at=datetime.now(UTC) - timedelta(minutes=10, seconds=1))


def test_an_account_has_no_factor_at_first(account: Account) -> None:
    assert listed(account) == {"items": [], "recovery_codes_left": 0}


def test_a_factor_is_set_up_by_its_secret_and_confirmed_by_a_code(account: Account, clock: AppClock) -> None:
    started = start(account, {"name": "My phone"})
    assert started.status == 201
    assert set(started.json) == {"id", "secret", "otpauth_uri"}
    assert re.fullmatch("[A-Z2-7]{32}", started.json["secret"]), "160 bits in base32"
    assert listed(account)["items"][0] | {"created_at": ""} == {
        "id": started.json["id"],
        "type": "totp",
        "name": "My phone",
        "confirmed": False,
        "created_at": "",
        "last_used_at": None,
    }
    assert log_in(account).status == 200, "an unconfirmed factor asks for nothing"
    confirmed = confirm(account, started.json["id"], pyotp.TOTP(started.json["secret"]).at(clock.now))
    assert confirmed.status == 200
    assert len(set(confirmed.json["recovery_codes"])) == 10
    after = listed(account)
    assert (after["items"][0]["confirmed"], after["recovery_codes_left"]) == (True, 10)
    assert challenge_of(account)


def test_the_uri_names_issuer_and_address(account: Account) -> None:
    started = start(account)
    uri = urlsplit(started.json["otpauth_uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/Adiuva:{account.email}"
    assert parse_qs(uri.query) == {"secret": [started.json["secret"]], "issuer": ["Adiuva"]}


def test_a_new_secret_replaces_the_one_that_waited(account: Account, clock: AppClock) -> None:
    first, second = start(account), start(account)
    assert [item["id"] for item in listed(account)["items"]] == [second.json["id"]]
    code = pyotp.TOTP(first.json["secret"]).at(clock.now)
    assert confirm(account, first.json["id"], code).status == 404


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"])
def test_what_is_no_code_is_refused_on_its_field(account: Account, code: str) -> None:
    refused = confirm(account, start(account).json["id"], code)
    assert (refused.status, refused.code) == (400, "validation_error")
    assert set(refused.json["errors"]) == {"code"}


def test_a_wrong_code_confirms_nothing(account: Account, clock: AppClock) -> None:
    started = start(account).json
    wrong = App(account, clock, started["id"], started["secret"], []).wrong_code()
    refused = confirm(account, started["id"], wrong)
    assert (refused.status, list(refused.json["errors"])) == (400, ["code"])
    assert not listed(account)["items"][0]["confirmed"]
    assert "factor_added" not in events(account)


def test_a_factor_is_confirmed_once(app: App) -> None:
    again = confirm(app.account, app.factor_id, app.code())
    assert (again.status, again.code) == (409, "conflict")
    assert listed(app.account)["recovery_codes_left"] == 10


def test_a_second_app_makes_the_codes_of_the_first_void(app: App) -> None:
    second = add_app(app.account, app.clock)
    assert not set(second.recovery_codes) & set(app.recovery_codes)
    assert listed(app.account)["recovery_codes_left"] == 10


def test_an_account_has_at_most_ten(account: Account) -> None:
    now = datetime.now(UTC)
    Factor.objects.bulk_create(
        Factor(
            user=account.user, type=FactorType.TOTP, name=str(n), created_at=now, confirmed_at=now, sealed_secret="x"
        )
        for n in range(10)
    )
    refused = start(account)
    assert (refused.status, refused.code) == (409, "conflict")


def test_another_accounts_factor_is_not_there(app: App, make_user: Callable[..., Account]) -> None:
    stranger = make_user()
    assert confirm(stranger, app.factor_id, app.code()).status == 404
    assert remove(stranger, app.factor_id).status == 404
    assert remove(app.account, MISSING).status == 404
    assert remove(app.account, "nothing").status == 404
    assert listed(stranger)["items"] == []


def test_adding_and_removing_are_mailed_and_recorded(account: Account, clock: AppClock) -> None:
    start(account)
    assert not mails(account), "nothing has been added yet"
    app = add_app(account, clock, name="My phone")
    assert remove(account, app.factor_id).status == 204
    facts = {"factor": "totp", "name": "My phone"}
    assert mails(account) == [("factor_added", facts), ("factor_removed", facts)]
    assert events(account)[1:] == ["factor_added", "recovery_codes_made", "factor_removed"]
    session_ids = SecurityEvent.objects.for_user(account.user.id).values_list("session_id", flat=True)
    assert set(session_ids) == {account.session_id}


def test_without_a_factor_the_password_is_enough_again(app: App) -> None:
    other = Session.objects.filter(id=app.account.session_id)
    assert remove(app.account, app.factor_id).status == 204
    assert listed(app.account) == {"items": [], "recovery_codes_left": 0}
    assert log_in(app.account).status == 200
    assert other.get().revoked_at is None


def test_recovery_codes_stay_while_another_factor_does(app: App) -> None:
    second = add_app(app.account, app.clock)
    assert remove(app.account, second.factor_id).status == 204
    assert listed(app.account)["recovery_codes_left"] == 10
    assert challenge_of(app.account)


def test_what_was_never_confirmed_goes_without_a_word(account: Account) -> None:
    assert remove(account, start(account).json["id"]).status == 204
    assert events(account) == ["login"]
    assert not mails(account)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "auth/factors/totp", {"name": 7}),
        ("POST", "auth/factors/recovery-codes", None),
        ("DELETE", f"auth/factors/{MISSING}", None),
    ],
)
def test_a_stale_session_is_asked_who_it_is_before_all_else(
    account: Account, method: str, path: str, body: Any
) -> None:
    make_stale(account)
    refused = ApiClient().request(method, path, json=body, token=account.access_token)
    assert (refused.status, refused.code) == (403, "reauthentication_required")


def test_confirming_needs_no_fresh_session(account: Account, clock: AppClock) -> None:
    """It took one to see the secret, and finding the app and typing may take longer than ten minutes."""
    started = start(account).json
    make_stale(account)
    assert confirm(account, started["id"], pyotp.TOTP(started["secret"]).at(clock.now)).status == 200


def test_the_profile_says_whether_there_is_one(account: Account, clock: AppClock) -> None:
    def has_one() -> Any:
        return ApiClient().get("auth/me", token=account.access_token).json["has_second_factor"]

    assert has_one() is False
    add_app(account, clock)
    assert has_one() is True


def test_a_session_that_a_reset_has_ended_meanwhile_adds_nothing(account: Account, clock: AppClock) -> None:
    """Its request had passed authentication and waited for the account's row."""
    user = account.user
    pending = start_totp(user_id=user.id, name="")
    revoke_all_sessions(user_id=user.id)
    code = pyotp.TOTP(pending.secret).at(clock.now)
    asked: dict[str, Any] = {"user_id": user.id, "origin": TESTS, "session_id": account.session_id}
    with pytest.raises(InvalidToken):
        confirm_totp(factor_id=pending.id, code=code, **asked)
    assert not has_second_factor(user_id=user.id)
    with pytest.raises(InvalidToken):
        make_codes(**asked)
