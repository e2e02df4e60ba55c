"""POST /auth/passkeys/options and POST /auth/passkeys."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from accounts.factors.passkeys import challenges
from accounts.factors.service import MAX_FACTORS
from accounts.models import Factor, FactorType, SecurityEvent, SecurityEventType, Session
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from tests.accounts.concurrency import run_concurrently
from tests.accounts.factors.passkeys.owners import Owner
from tests.fakes.authenticator import Authenticator, base64url, from_base64url
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def test_the_options_are_those_of_the_standard(api: ApiClient, owner: Owner) -> None:
    answer = api.post("auth/passkeys/options", token=owner.account.access_token)
    options = answer.json
    assert options["rp"] == {"name": "Adiuva", "id": "localhost"}
    assert from_base64url(options["user"]["id"]) == owner.account.user.id.bytes
    assert options["user"]["name"] == owner.account.email
    assert len(from_base64url(options["challenge"])) == 32
    assert {one["alg"] for one in options["pubKeyCredParams"]} >= {-7, -257}
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "preferred",
    }
    assert options["attestation"] == "none"
    (excluded,) = options["excludeCredentials"]
    assert excluded == {"id": owner.factor.credential_id, "type": "public-key", "transports": ["hybrid", "internal"]}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("form", ["itself", "wrapped"])
def test_a_passkey_is_a_factor_at_once(api: ApiClient, make_user: MakeUser, device: Authenticator, form: str) -> None:
    owner = Owner(account=make_user(), device=device, api=api)
    credential = device.create(owner.options())
    body = credential | {"name": "Laptop"} if form == "itself" else {"credential": credential, "name": "Laptop"}
    answer = owner.register(body)
    assert answer.status == 201
    assert answer.json == {
        "id": str(owner.factor.id),
        "type": "passkey",
        "name": "Laptop",
        "confirmed": True,
        "created_at": answer.json["created_at"],
        "last_used_at": None,
    }
    assert api.get("auth/me", token=owner.account.access_token).json["has_second_factor"] is True


def test_a_new_passkey_is_an_event_and_a_mail(owner: Owner) -> None:
    (event,) = SecurityEvent.objects.filter(user_id=owner.account.user.id, type=SecurityEventType.FACTOR_ADDED)
    assert event.session_id == owner.account.session_id
    (mail,) = OutgoingMail.objects.filter(kind=MailKind.FACTOR_ADDED)
    assert mail.recipient == owner.account.email
    assert (mail.facts["factor"], mail.facts["name"]) == ("passkey", "Passkey")


@pytest.mark.parametrize("path", ["options", "ticket", ""])
def test_it_takes_a_fresh_session(api: ApiClient, make_user: MakeUser, path: str) -> None:
    account = make_user()
    Session.objects.filter(id=account.session_id).update(fresh_at=datetime.now(UTC) - timedelta(minutes=11))
    answer = api.post(f"auth/passkeys/{path}".rstrip("/"), json={}, token=account.access_token)
    assert (answer.status, answer.code) == (403, "reauthentication_required")


def test_a_challenge_counts_once(owner: Owner) -> None:
    options = owner.options()
    other = Authenticator(origin=owner.device.origin)
    assert owner.register(other.create(options)).status == 201
    answer = owner.register(other.create(options | {"excludeCredentials": []}))
    assert (answer.status, list(answer.json["errors"])) == (400, ["credential"])


def test_a_challenge_is_for_the_session_that_asked(api: ApiClient, make_user: MakeUser, device: Authenticator) -> None:
    mine, theirs = (Owner(account=make_user(), device=device, api=api) for _ in range(2))
    credential = device.create(theirs.options())
    assert mine.register(credential).status == 400
    assert theirs.register(credential).status == 400  # used up
    assert not Factor.objects.exists()


def test_a_challenge_of_a_login_registers_nothing(owner: Owner) -> None:
    login = owner.request_options()
    credential = Authenticator(origin=owner.device.origin).create(owner.options() | {"challenge": login["challenge"]})
    assert owner.register(credential).status == 400


def test_a_challenge_lives_five_minutes(owner: Owner) -> None:
    options = owner.options()
    cache.touch(challenges.CHALLENGES.key(from_base64url(options["challenge"]).hex()), -1)
    other = Authenticator(origin=owner.device.origin)
    assert owner.register(other.create(options)).status == 400
    assert challenges.LIFETIME_SECONDS == 300


@pytest.mark.parametrize(
    ("lies", "client_data"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"origin": "http://localhost.evil.example"}, {}),
        ({"rp_id": "evil.example"}, {}),
        ({}, {"type": "webauthn.get"}),
    ],
)
def test_a_passkey_that_was_made_for_others_is_refused(
    owner: Owner, lies: dict[str, Any], client_data: dict[str, str]
) -> None:
    other = Authenticator(**{"origin": owner.device.origin} | lies)
    answer = owner.register(other.create(owner.options(), **client_data))
    assert (answer.status, list(answer.json["errors"])) == (400, ["credential"])
    assert Factor.objects.count() == 1


def test_one_passkey_is_registered_once(api: ApiClient, make_user: MakeUser, owner: Owner) -> None:
    """Whoever has it: two accounts with one credential's id could not be told apart."""
    thief = Owner(account=make_user(), device=Authenticator(origin=owner.device.origin), api=api)
    options = thief.options()
    credential = thief.device.create(options)
    mine = owner.device.passkeys[0].id
    data = from_base64url(credential["response"]["attestationObject"])
    data = data.replace(thief.device.passkeys[0].id, mine)
    credential["response"]["attestationObject"] = base64url(data)
    credential["id"] = credential["rawId"] = base64url(mine)
    answer = thief.register(credential)
    assert (answer.status, answer.code) == (409, "conflict")


def test_an_account_has_a_bounded_number_of_them(owner: Owner) -> None:
    now = datetime.now(UTC)
    for number in range(MAX_FACTORS - 1):
        Factor.objects.create(
            user=owner.account.user,
            type=FactorType.PASSKEY,
            name="Passkey",
            created_at=now,
            confirmed_at=now,
            credential_id=f"number-{number}",
            public_key=b"key",
        )
    answer = owner.api.post("auth/passkeys/options", token=owner.account.access_token)
    assert (answer.status, answer.code) == (409, "conflict")


def test_an_address_cannot_be_a_relying_party(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    for host in ("127.0.0.1", "[::1]"):
        settings.WEBAUTHN_RP_ID = host
        answer = api.post("auth/passkeys/options", token=make_user().access_token)
        assert (answer.status, answer.code) == (503, "not_configured")


NOT_JSON = base64url(b"{")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "!"}, "id"),
        ({"id": None}, "id"),
        ({"rawId": "YWJj"}, "rawId"),
        ({"type": "password"}, "type"),
        ({"response": "x"}, "response"),
        ({"response": {"clientDataJSON": NOT_JSON}}, "response.attestationObject"),
        ({"response": {"clientDataJSON": NOT_JSON, "attestationObject": "YQ"}}, "response.clientDataJSON"),
        ({"response": {"clientDataJSON": "YQ==", "attestationObject": "YQ"}}, "response.clientDataJSON"),
        ({"response": {"clientDataJSON": "YQ", "attestationObject": "Y" * 20_000}}, "response.attestationObject"),
        ({"name": "n" * 65}, "name"),
    ],
)
def test_what_is_no_credential_is_named(owner: Owner, change: dict[str, Any], field: str) -> None:
    credential = Authenticator(origin=owner.device.origin).create(owner.options()) | change
    for body in (credential, {"credential": credential, "name": credential.get("name", "")}):
        answer = owner.register(body)
        assert answer.status == 400
        assert field in answer.json["errors"]


@pytest.mark.parametrize("attestation", [b"", b"\xa0", b"\xff" * 40, base64.b64decode("o2NmbXRkbm9uZQ==")])
def test_an_attestation_that_is_none_is_400(owner: Owner, attestation: bytes) -> None:
    credential = Authenticator(origin=owner.device.origin).create(owner.options())
    credential["response"]["attestationObject"] = base64url(attestation) or "YQ"
    assert owner.register(credential).status == 400


def test_a_key_that_no_signature_fits_is_refused(owner: Owner) -> None:
    """A point that is on no curve: without an attestation nothing else would look at it before the first login."""
    other = Authenticator(origin=owner.device.origin)
    credential = other.create(owner.options())
    good = other.passkeys[0].key.public_key().public_numbers().y.to_bytes(32, "big")
    data = from_base64url(credential["response"]["attestationObject"]).replace(good, b"\x01" * 32)
    credential["response"]["attestationObject"] = base64url(data)
    assert owner.register(credential).status == 400


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_post_one_registration_at_once_one_succeeds(owner: Owner) -> None:
    credential = Authenticator(origin=owner.device.origin).create(owner.options())
    answers = run_concurrently(
        *[lambda: ApiClient().post("auth/passkeys", json=credential, token=owner.account.access_token).status] * 20
    )
    # Two that arrive together are told apart by the challenge; the account's own limit may have spoken before.
    assert answers.count(201) == 1
    assert set(answers) <= {201, 400, 429}
    assert Factor.objects.filter(user_id=owner.account.user.id).count() == 2
