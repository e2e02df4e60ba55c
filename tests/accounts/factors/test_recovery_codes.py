"""Recovery codes: made, typed, used up."""

import re
from typing import Any

import pytest

from accounts.factors.recovery_codes import ALPHABET
from accounts.models import RecoveryCode, SecurityEvent
from tests.accounts.factors.authenticator import App, add_app, answer, challenge_of
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db


def use(app: App, code: str) -> Answer:
    return answer(challenge_of(app.account), method="recovery_code", code=code)


def make(account: Account) -> Answer:
    return ApiClient().post("auth/factors/recovery-codes", token=account.access_token)


def left(app: App) -> Any:
    return ApiClient().get("auth/factors", token=app.account.access_token).json["recovery_codes_left"]


def test_a_code_is_easy_to_type_and_has_79_bits(app: App) -> None:
    assert len(set(ALPHABET)) ** 16 > 2**79
    assert not set("0o1il") & set(ALPHABET)
    for code in app.recovery_codes:
        assert re.fullmatch(rf"[{ALPHABET}]{{4}}(-[{ALPHABET}]{{4}}){{3}}", code)


def test_a_code_begins_one_session(app: App) -> None:
    code, *others = app.recovery_codes
    assert use(app, code).status == 200
    assert left(app) == 9
    assert use(app, code).status == 401
    assert use(app, others[0]).status == 200
    types = list(SecurityEvent.objects.for_user(app.account.user.id).order_by("id").values_list("type", flat=True))
    used = ["recovery_code_used", "login"]
    assert types[-5:] == [*used, "second_factor_failed", *used]


@pytest.mark.parametrize(
    "typed", [str.upper, lambda code: code.replace("-", ""), lambda code: f" {code.replace('-', ' ')}"]
)
def test_case_hyphens_and_spaces_do_not_matter(app: App, typed: Any) -> None:
    assert use(app, typed(app.recovery_codes[3])).status == 200


def test_new_codes_void_the_old(app: App) -> None:
    made = make(app.account)
    assert (made.status, len(set(made.json["recovery_codes"]))) == (200, 10)
    assert made.headers["Cache-Control"] == "no-store"
    assert use(app, app.recovery_codes[0]).status == 401
    assert use(app, made.json["recovery_codes"][0]).status == 200


def test_without_a_factor_there_are_none(account: Account) -> None:
    refused = make(account)
    assert (refused.status, refused.code) == (409, "conflict")
    assert not RecoveryCode.objects.exists()


def test_the_method_is_offered_while_codes_are_left(app: App) -> None:
    for code in app.recovery_codes:
        assert use(app, code).status == 200
    refused = ApiClient().post("auth/login", json={"email": app.account.email, "password": app.account.password})
    assert refused.json["methods"] == ["totp"]


def test_only_hashes_are_kept_and_differ_by_account(app: App, make_user: Any) -> None:
    other = add_app(make_user(), app.clock)
    hashes = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert len(hashes) == 20
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes)
    # A row that is copied to another account is worth nothing there.
    row = RecoveryCode.objects.filter(user=other.account.user).first()
    assert row is not None
    row.pk, row.user = None, app.account.user
    row.save(force_insert=True)
    assert [use(app, code).status for code in other.recovery_codes[:4]] == [401] * 4


def test_a_changed_jwt_secret_voids_no_code(app: App, settings: Any) -> None:
    settings.FACTOR_SECRETS_KEY = "ab" * 32
    settings.FACTOR_SECRETS_FALLBACK_KEYS = []
    assert use(app, app.recovery_codes[0]).status == 200
