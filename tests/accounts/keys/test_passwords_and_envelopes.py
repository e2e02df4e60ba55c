"""A password, what its secrets are derived with, and what they seal change together or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import KeyEnvelope, User
from tests.accounts.keys.sealed import encoded, envelope, event_types, kdf, listed, put
from tests.support.accounts import PASSWORD, Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
EMAIL = "ada@example.com"
NEW_PASSWORD = "another good one"


def register(**fields: Any) -> Answer:
    return ApiClient().post("auth/register", json={"email": EMAIL, "password": PASSWORD} | fields)


def change(account: Account, **fields: Any) -> Answer:
    body = {"current_password": account.password, "new_password": NEW_PASSWORD} | fields
    return ApiClient().post("auth/password", json=body, token=account.access_token)


def prelogin(api: ApiClient, email: str = EMAIL) -> Any:
    return api.post("auth/prelogin", json={"email": email}).json["kdf"]


def test_an_account_begins_with_its_derivation_and_envelopes(api: ApiClient) -> None:
    own, first, second = kdf(), envelope(), envelope("recovery", "phrase")
    answer = register(kdf=own, envelopes=[first, second])
    assert answer.status == 201
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_at", "expires_in"}
    assert prelogin(api) == own
    kept = api.get("keys/envelopes", token=answer.json["access_token"]).json["items"]
    assert [{name: one[name] for name in first} for one in kept] == [first, second]
    assert list(User.objects.get().security_events.order_by("id").values_list("type", flat=True)) == [
        "registered",
        "envelope_changed",
    ]


def test_a_plain_account_needs_neither(api: ApiClient) -> None:
    answer = register()
    assert answer.status == 201
    assert api.get("keys/envelopes", token=answer.json["access_token"]).json["total"] == 0
    assert User.objects.get().kdf is None


WRONG_KDFS = [
    ({"algorithm": "argon2i"}, "kdf.algorithm"),
    ({"algorithm": "pbkdf2"}, "kdf.algorithm"),
    ({"salt": encoded(b"x" * 15)}, "kdf.salt"),
    ({"salt": encoded(b"x" * 33)}, "kdf.salt"),
    ({"salt": "not base64"}, "kdf.salt"),
    ({"memory_kib": 8191}, "kdf.memory_kib"),
    ({"memory_kib": 1_048_577}, "kdf.memory_kib"),
    ({"iterations": 0}, "kdf.iterations"),
    ({"iterations": 21}, "kdf.iterations"),
    ({"parallelism": 17}, "kdf.parallelism"),
    ({"parallelism": True}, "kdf.parallelism"),
    ({"iterations": "3"}, "kdf.iterations"),
    ({"iterations": 3.0}, "kdf.iterations"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG_KDFS)
def test_parameters_that_hang_a_client_or_cost_nothing_are_400(
    make_user: MakeUser, changes: dict[str, Any], field: str
) -> None:
    assert set(register(kdf=kdf(**changes)).json["errors"]) == {field}
    assert set(change(make_user(), kdf=kdf(**changes)).json["errors"]) == {field}
    assert not User.objects.filter(email=EMAIL).exists()


def test_the_bounds_themselves_are_right() -> None:
    lowest = {"salt": encoded(b"x" * 16), "memory_kib": 8192, "iterations": 1, "parallelism": 1}
    highest = {"salt": encoded(b"x" * 32), "memory_kib": 1_048_576, "iterations": 20, "parallelism": 16}
    assert register(kdf=kdf(**lowest)).status == 201
    assert register(email="grace@example.com", kdf=kdf(**highest)).status == 201


@pytest.mark.parametrize(
    ("envelopes", "field"),
    [
        ([envelope(), envelope("recovery", "phrase", blob=b"")], "envelopes.1.blob"),
        ([envelope(kind="secret")], "envelopes.0.kind"),
        ([envelope(ref="Main")], "envelopes.0.ref"),
        ([{"kind": "password"}], "envelopes.0.ref"),
        (["password"], "envelopes.0"),
        ({"0": envelope()}, "envelopes"),
        ([envelope(), envelope()], "envelopes"),
        ([envelope("device", f"d{number}", b"x") for number in range(51)], "envelopes"),
    ],
)
def test_an_envelope_that_is_wrong_is_named(make_user: MakeUser, envelopes: Any, field: str) -> None:
    account = make_user()
    for answer in (register(envelopes=envelopes), change(account, envelopes=envelopes)):
        assert (answer.status, answer.code) == (400, "validation_error")
        assert field in answer.json["errors"]
    assert not User.objects.filter(email=EMAIL).exists()
    assert listed(account) == {}


def test_a_wrong_checksum_changes_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    wrong = [envelope(checksum="0" * 64)]
    for answer in (register(envelopes=wrong), change(account, envelopes=wrong)):
        assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert not User.objects.filter(email=EMAIL).exists()
    assert api.post("auth/login", json={"email": account.email, "password": PASSWORD}).status == 200


def test_a_taken_address_keeps_its_own_envelopes(api: ApiClient) -> None:
    own = kdf()
    token = register(kdf=own, envelopes=[envelope()]).json["access_token"]
    before = api.get("keys/envelopes", token=token).json
    assert register(kdf=kdf(), envelopes=[envelope(), envelope("device", "mine")]).code == "email_taken"
    assert api.get("keys/envelopes", token=token).json == before
    assert prelogin(api) == own


def test_a_change_brings_password_derivation_and_envelope_at_once(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    kept = put(account, "recovery/phrase").json
    put(account, "password/main")
    new, derivation = envelope(), kdf()
    answer = change(account, kdf=derivation, envelopes=[new])
    assert answer.status == 200
    there = listed(account, answer.json["access_token"])
    assert there["recovery/phrase"] == kept
    assert {name: there["password/main"][name] for name in new} == new
    assert prelogin(api, account.email) == derivation
    assert event_types(account)[-2:] == ["password_changed", "envelope_changed"]


def test_without_a_new_derivation_the_old_one_stays(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    account.user.kdf = kdf()
    account.user.save()
    assert change(account).status == 200
    assert prelogin(api, account.email) == account.user.kdf


@pytest.mark.parametrize("given", [None, [], [envelope("recovery", "phrase")], [envelope(ref="another")]])
def test_no_envelope_of_the_old_password_may_stay(api: ApiClient, make_user: MakeUser, given: Any) -> None:
    account = make_user()
    before = put(account, "password/main").json
    answer = change(account, **({} if given is None else {"envelopes": given}))
    assert (answer.status, set(answer.json["errors"])) == (400, {"envelopes"})
    assert "password/main" in answer.json["errors"]["envelopes"][0]
    assert listed(account) == {"password/main": before}
    assert api.post("auth/login", json={"email": account.email, "password": PASSWORD}).status == 200


def test_a_wrong_current_password_is_told_before_anything_of_the_envelopes(make_user: MakeUser) -> None:
    account = make_user()
    put(account)
    assert set(change(account, current_password="wrong").json["errors"]) == {"current_password"}


def test_a_change_cannot_bring_more_than_an_account_may_have(make_user: MakeUser) -> None:
    account = make_user()
    put(account, "recovery/phrase")
    answer = change(account, envelopes=[envelope("device", f"d{number}", b"x") for number in range(50)])
    assert (answer.status, set(answer.json["errors"])) == (400, {"envelopes"})
    assert KeyEnvelope.objects.count() == 1
    assert event_types(account).count("password_changed") == 0
