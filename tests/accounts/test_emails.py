import time
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.ops import examine_addresses
from adiuva.observability.probes import DoctorOptions
from adiuva.spelling import address_fault, address_key, normalize_email
from tests.support.accounts import PASSWORD, Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

SAME = [
    ("ada@example.com", "ADA@EXAMPLE.COM"),
    ("ada@example.com", "  ada@Example.com\t"),
    ("sam@example.com", "\u017fam@example.com"),  # a long s
    ("kim@example.com", "\u212aim@example.com"),  # the Kelvin sign
    ("ada@bücher.example", "ada@BÜCHER.example"),
    ("ada@bücher.example", "ada@bu\u0308cher.example"),  # decomposed
    ("ada@straße.example", "ada@STRAẞE.example"),
    ("ada@example.com", "ada@\uff45xample.com"),  # fullwidth
    ("ada@münchen.example", "ada@xn--mnchen-3ya.example"),
    ("ada@xn--mnchen-3ya.example", "Ada@MÜNCHEN.example"),
    ("ada@mail.münchen.example", "ada@mail.XN--MNCHEN-3YA.example"),
    ("ada@straße.example", "ada@xn--strae-oqa.example"),
    ("ada@παράδειγμα.example", "ada@ΠΑΡΆΔΕΙΓΜΑ.example"),
]
APART = [
    ("ada@münchen.example", "ada@munchen.example"),
    ("ada@straße.example", "ada@strasse.example"),
    ("ada@example.com", "a.da@example.com"),
    ("ada@example.com", "ada+x@example.com"),
]
UNSEEN = [
    *("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u200f", "\u061c", "\u180e"),
    *(
        "\u00a0",
        "\u2003",
        "\u3000",
        "\u2028",
        "\u0085",
        "\u034f",
        "\u3164",
        "\u2800",
        "\ufe0f",
        "\U000e0041",
        "\U000e0100",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("kept", "other"), SAME)
def test_an_address_in_another_spelling_is_taken(api: ApiClient, make_user: MakeUser, kept: str, other: str) -> None:
    make_user(email=kept)
    answer = api.post("auth/register", json={"email": other, "password": PASSWORD})
    assert (answer.status, answer.code) == (409, "email_taken")


@pytest.mark.django_db
@pytest.mark.parametrize(("kept", "other"), SAME)
def test_one_logs_in_with_any_spelling_of_the_address(
    api: ApiClient, make_user: MakeUser, kept: str, other: str
) -> None:
    make_user(email=kept)
    assert api.post("auth/login", json={"email": other, "password": PASSWORD}).status == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("kept", "other"), APART)
def test_addresses_that_only_resemble_one_another_are_two(
    api: ApiClient, make_user: MakeUser, kept: str, other: str
) -> None:
    make_user(email=kept)
    assert api.post("auth/login", json={"email": other, "password": PASSWORD}).code == "invalid_credentials"
    assert api.post("auth/register", json={"email": other, "password": PASSWORD}).status == 201


@pytest.mark.django_db
@pytest.mark.parametrize("character", UNSEEN)
@pytest.mark.parametrize("path", ["auth/register", "auth/login"])
def test_an_address_with_something_that_nobody_sees_is_refused(
    api: ApiClient, make_user: MakeUser, path: str, character: str
) -> None:
    make_user(email="ada@example.com")
    for email in (f"ad{character}a@example.com", f"ada@exam{character}ple.com", f"ada@example.com{character}"):
        answer = api.post(path, json={"email": email, "password": PASSWORD})
        assert (answer.status, answer.json.get("errors", {}).keys()) == (400, {"email"}), ascii(email)
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "domain", ["☕.example", "xn--53h.example", "xn--a.example", "ä" * 70 + ".example", "a\u0378.example", "٣.example"]
)
def test_a_domain_that_is_none_to_idna_is_400(api: ApiClient, domain: str) -> None:
    answer = api.post("auth/register", json={"email": f"ada@{domain}", "password": PASSWORD})
    assert (answer.status, set(answer.json["errors"])) == (400, {"email"})


@pytest.mark.django_db
@pytest.mark.parametrize("domain", ["r3---sn.example", "localhost", "[192.0.2.1]", "a--b.example", "1.example"])
def test_a_plain_domain_need_not_keep_to_the_rules_of_idna(api: ApiClient, domain: str) -> None:
    body = {"email": f"ada@{domain}", "password": PASSWORD}
    assert [api.post(f"auth/{path}", json=body).status for path in ("register", "login")] == [201, 200]


@pytest.mark.django_db
def test_a_body_full_of_combining_marks_costs_no_seconds(api: ApiClient) -> None:
    marks = "\u0301\u0327" * 40_000
    started = time.process_time()
    for field in ("email", "password"):
        body = {"email": "ada@example.com", "password": PASSWORD, field: marks}
        for path in ("register", "login"):
            assert set(api.post(f"auth/{path}", json=body).json["errors"]) == {field}
    assert time.process_time() - started < 3


@pytest.mark.django_db
def test_the_profile_shows_the_one_spelling_that_is_kept(api: ApiClient) -> None:
    tokens = api.post("auth/register", json={"email": " Ada@Example.COM ", "password": PASSWORD}).json
    assert api.get("auth/me", token=tokens["access_token"]).json["email"] == "ada@example.com"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "email",
    [
        "\u0130" * 200 + "@example.com",  # its lower case has two characters: 412 in all
        "a@" + "\ufdfa" * 60 + ".com",  # 18 characters each
        "a@\u0378\u0378.com",  # not a character yet
        "a b@example.com",
        "a\r\nb@example.com",
    ],
)
def test_an_address_that_the_database_could_not_keep_is_400(api: ApiClient, email: str) -> None:
    answer = api.post("auth/register", json={"email": email, "password": PASSWORD})
    assert (answer.status, set(answer.json["errors"])) == (400, {"email"})


@given(st.text())
def test_a_kept_spelling_is_its_own_spelling(text: str) -> None:
    kept = normalize_email(text)
    assert normalize_email(kept) == kept == kept.lower()


LOCAL = st.from_regex(r"[a-z0-9.+-]{1,20}", fullmatch=True)


@given(st.from_regex(r"[a-z0-9.+-]{1,20}@[a-z0-9-]{1,20}\.[a-z]{2,5}", fullmatch=True))
def test_case_never_makes_another_address(address: str) -> None:
    assert normalize_email(address.upper()) == normalize_email(address.title()) == address


@given(LOCAL, st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=12))
def test_every_spelling_of_an_address_has_one_key(local: str, label: str) -> None:
    address = f"{local}@{label}.example"
    if address_fault(address) is not None:
        return
    key = address_key(address)
    assert key.isascii()
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert address_key(unicodedata.normalize(form, address)) == key
    assert address_key(key) == address_key(normalize_email(address)) == address_key(f" {key.upper()}\t") == key


@given(st.text(max_size=60))
def test_a_key_is_its_own_key_whatever_it_is_of(text: str) -> None:
    key = address_key(text)
    assert address_key(key) == key
    assert address_fault(text) in {None, "invisible", "invalid"}


@pytest.mark.django_db
def test_the_database_itself_refuses_an_upper_case_address(make_user: MakeUser) -> None:
    user = make_user().user
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(id=user.id).update(email="Ada@example.com")


@pytest.mark.django_db
def test_the_database_itself_refuses_a_second_account_of_an_address(make_user: MakeUser) -> None:
    make_user(email="ada@münchen.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(email="ada@xn--mnchen-3ya.example")


# --- the operators' ways to an account ---


@pytest.mark.django_db
def test_operators_name_an_account_in_any_spelling(make_user: MakeUser) -> None:
    account = make_user(email="ada@münchen.example")
    call_command("set_tier", "ADA@xn--mnchen-3ya.example", "pro", stdout=StringIO())
    call_command("set_quota", "ada@MÜNCHEN.example", "--storage", "5", stdout=StringIO())
    assert User.objects.get_by_natural_key("ada@xn--mnchen-3ya.example") == account.user
    with pytest.raises(CommandError, match="no account"):
        call_command("set_tier", "ada@munchen.example", "pro")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("email", "complaint"),
    [
        ("ada@xn--mnchen-3ya.example", "already taken"),
        ("eve@exam\u200bple.com", "invisible"),
        ("eve@☕.example", "valid email"),
    ],
)
def test_createsuperuser_compares_and_refuses_as_registration_does(
    make_user: MakeUser, monkeypatch: pytest.MonkeyPatch, email: str, complaint: str
) -> None:
    make_user(email="ada@münchen.example")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match=complaint):
        call_command("createsuperuser", "--no-input", "--email", email)


@pytest.mark.django_db
def test_staff_log_into_the_admin_with_any_spelling(make_user: MakeUser) -> None:
    account = make_user(email="ada@münchen.example")
    User.objects.filter(id=account.user.id).update(is_staff=True)
    form = {"username": "ada@xn--mnchen-3ya.example", "password": PASSWORD}
    assert Client().post("/admin/login/", form).status_code == 302


# --- accounts from before addresses were compared so ---


@pytest.fixture
def two_of_one(make_user: MakeUser) -> tuple[Account, Account]:
    """The older one, and one that was made in another spelling of its address."""
    older = make_user(email="ada@münchen.example")
    younger = make_user(email="other@example.com")
    User.objects.filter(id=younger.user.id).update(email="ada@xn--mnchen-3ya.example", address_key=None)
    return older, younger


def whose(api: ApiClient, email: str) -> str:
    tokens = api.post("auth/login", json={"email": email, "password": PASSWORD}).json
    user_id: str = api.get("auth/me", token=tokens["access_token"]).json["id"]
    return user_id


@pytest.mark.django_db
def test_of_two_accounts_of_one_address_each_is_had_by_its_own_spelling(
    api: ApiClient, two_of_one: tuple[Account, Account]
) -> None:
    older, younger = two_of_one
    assert whose(api, "ada@münchen.example") == whose(api, "ADA@MÜNCHEN.example") == str(older.user.id)
    assert whose(api, "ada@XN--mnchen-3ya.example") == str(younger.user.id)
    assert User.objects.get(id=younger.user.id).address_key is None
    body = {"email": "ada@xn--mnchen-3ya.example", "password": PASSWORD}
    assert api.post("auth/register", json=body).code == "email_taken"


@pytest.mark.django_db
def test_the_operator_is_told_of_two_accounts_of_one_address(two_of_one: tuple[Account, Account]) -> None:
    older, younger = two_of_one
    finding = examine_addresses(DoctorOptions())
    assert finding.level == "warn"
    assert f"{younger.user.id} and the older {older.user.id}" in finding.text
    assert "ada@" not in finding.text


@pytest.mark.django_db
def test_an_address_that_has_become_free_is_its_younger_accounts_at_the_next_login(
    api: ApiClient, two_of_one: tuple[Account, Account]
) -> None:
    older, younger = two_of_one
    User.objects.filter(id=older.user.id).delete()
    assert examine_addresses(DoctorOptions()).level == "ok"
    assert whose(api, "ada@xn--mnchen-3ya.example") == str(younger.user.id)
    assert whose(api, "ada@münchen.example") == str(younger.user.id)


@pytest.mark.django_db
@pytest.mark.parametrize("kept", ["ada@☕.example", "ada@exam\u200bple.com"])
def test_an_address_that_would_be_refused_now_still_logs_in(api: ApiClient, make_user: MakeUser, kept: str) -> None:
    account = make_user()
    User.objects.filter(id=account.user.id).update(email=kept, address_key=address_key(kept))
    assert whose(api, kept) == str(account.user.id)
    assert api.post("auth/register", json={"email": kept, "password": PASSWORD}).status == 400


@pytest.mark.django_db
def test_the_migration_gives_an_address_to_its_oldest_account(
    make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    spellings = ["ada@xn--mnchen-3ya.example", "ada@münchen.example", "eve@bücher.example", "bob@example.com"]
    ids = [make_user().user.id for _ in spellings]
    for n, (user_id, email) in enumerate(zip(ids, spellings, strict=True)):
        made = datetime(2026, 1, 9 - n, tzinfo=UTC)  # the last one is the oldest
        User.objects.filter(id=user_id).update(email=email, address_key=None, created_at=made)
    import_module("accounts.migrations.0003_address_key").compare_addresses(apps, None)
    keys = [User.objects.get(id=user_id).address_key for user_id in ids]
    assert keys == [None, "ada@xn--mnchen-3ya.example", "eve@xn--bcher-kva.example", "bob@example.com"]
    assert f"account {ids[0]} has the address of the older account {ids[1]}" in caplog.text
    assert "ada@" not in caplog.text
