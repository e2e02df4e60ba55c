"""PUT, GET and DELETE /organizations/{id}/sso: who may, what of the provider is checked, and what is kept."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest
from django.db import connection as database

from accounts.models import Session
from accounts.organizations.models import (
    AuditEntry,
    Connection,
    Identity,
    Membership,
    Organization,
    Role,
    SsoSession,
)
from accounts.organizations.ops import examine_client_secrets
from adiuva.egress import guard
from adiuva.observability.probes import DoctorOptions
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.accounts.conftest import Clock
from tests.accounts.organizations.sso.conftest import Acme
from tests.fakes.oidc_keys import base64url
from tests.fakes.oidc_provider import CLIENT_SECRET, OidcProvider
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.foreign_hosts import ForeignHosts, foreign
from tests.support.organizations import join, make_organization
from tests.support.sign_on import Browser

__all__ = ["foreign"]
pytestmark = pytest.mark.django_db


def link(organization: Organization, account: Account, *, subject: str = "alice") -> Identity:
    connection = Connection.objects.get(organization=organization)
    return Identity.objects.create(
        connection=connection,
        issuer=connection.issuer,
        subject=subject,
        user=account.user,
        linked_at=datetime.now(UTC),
    )


def sentence_of(answer: Answer) -> str:
    assert (answer.status, answer.code) == (400, "validation_error"), answer
    ((name, (sentence,)),) = answer.json["errors"].items()
    assert name == "issuer"
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "SECRET" not in sentence
    return str(sentence)


# --- who may ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "status"), [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.MEMBER, 403)])
def test_owners_and_admins_set_sign_on_up(acme: Acme, role: Role, status: int) -> None:
    member = join(acme.organization, role=role)
    # What is wrong with the body is told to those alone who may send one.
    assert acme.put(member, issuer=None).status == (400 if status == 200 else 403)
    assert acme.put(member).status == status
    acme.put()
    assert ApiClient().get(acme.path, token=member.access_token).status == status
    assert acme.delete(member).status == (204 if status == 200 else 403)


def test_to_strangers_there_is_nothing(acme: Acme) -> None:
    acme.put()
    _, stranger = make_organization()
    taken_back = join(acme.organization)
    Membership.objects.filter(user=taken_back.user).update(active=False, deactivated_at=datetime.now(UTC))
    for account in (stranger, make_account(tier="team"), taken_back):
        token = account.access_token
        for method in ("GET", "PUT", "DELETE"):
            answer = ApiClient().request(method, acme.path, token=token, json={})
            assert (answer.status, answer.code) == (404, "not_found")
    assert Connection.objects.exists()


def test_while_nothing_is_paid_it_is_looked_at_and_removed_only(acme: Acme) -> None:
    assert acme.put().status == 200
    set_tier(user=acme.owner.user, tier=Tier.FREE)
    answer = acme.put()
    assert (answer.status, answer.code) == (403, "feature_not_available")
    assert Browser(acme.organization, acme.provider).sign_on()["code"], "signing in goes on working"
    assert acme.get().status == 200
    assert acme.delete().status == 204


# --- what is kept and shown ------------------------------------------------------------------------------------


def test_a_connection_is_shown_without_its_secret(acme: Acme, settings: Any) -> None:
    answer = acme.put(just_in_time=True, session_hours=8)
    assert answer.status == 200, answer
    assert answer.json == {
        "issuer": acme.provider.issuer,
        "client_id": acme.provider.client_id,
        "just_in_time": True,
        "enforced": False,
        "session_hours": 8,
        "callback_url": f"{settings.PUBLIC_URL}/api/v1/auth/sso/callback",
        "updated_at": answer.json["updated_at"],
    }
    assert acme.get().json == answer.json
    assert CLIENT_SECRET not in str(Connection.objects.values().get())


def test_a_provider_that_does_not_name_itself_answers_at_an_address_of_the_organisations(acme: Acme) -> None:
    """Which is registered there by then, and stays good when it learns to."""
    acme.provider.discovery = {"authorization_response_iss_parameter_supported": None}
    callback = acme.put().json["callback_url"]
    assert callback.endswith(f"/api/v1/auth/sso/callback/{acme.organization.id}")
    acme.provider.discovery = {}
    assert acme.put(session_hours=8).json["callback_url"] == callback
    assert acme.get().json["callback_url"] == callback
    assert acme.delete().status == 204
    assert acme.put().json["callback_url"].endswith("/api/v1/auth/sso/callback")


def test_what_is_left_out_is_false_and_a_day(acme: Acme) -> None:
    acme.put(just_in_time=True, session_hours=8)
    answer = acme.put()
    assert (answer.json["just_in_time"], answer.json["enforced"], answer.json["session_hours"]) == (False, False, 24)


def test_what_was_set_up_leads_to_a_code(acme: Acme) -> None:
    acme.put()
    assert "code" in Browser(acme.organization, acme.provider).sign_on()


def test_there_may_be_none(acme: Acme) -> None:
    for answer in (acme.get(), acme.delete()):
        assert (answer.status, answer.code) == (404, "not_found")


def test_the_secret_may_be_left_out_for_the_same_client_of_the_same_issuer(acme: Acme) -> None:
    acme.put()
    assert acme.put(client_secret=None, session_hours=1).status == 200
    assert "code" in Browser(acme.organization, acme.provider).sign_on()


def test_a_kept_secret_goes_to_no_other_provider(acme: Acme, settings: Any) -> None:
    acme.put()
    with OidcProvider() as evil:
        settings.EGRESS_ALLOW |= {evil.place}
        for answer in (
            acme.put(client_secret=None, issuer=evil.issuer),
            acme.put(client_secret=None, client_id="another client"),
        ):
            assert (answer.status, list(answer.json["errors"])) == (400, ["client_secret"])
        assert not evil.requests
        assert acme.put(issuer=evil.issuer, client_secret="another").status == 200


def test_a_secret_in_a_row_that_was_moved_opens_nothing(acme: Acme, settings: Any) -> None:
    """By whoever can write to the database: the provider it was moved to is not told the secret."""
    acme.put()
    with OidcProvider() as evil:
        evil.callback_url = acme.provider.callback_url
        settings.EGRESS_ALLOW |= {evil.place}
        metadata = {
            name: value.replace(acme.provider.issuer, evil.issuer) if isinstance(value, str) else value
            for name, value in Connection.objects.get().metadata.items()
        }
        Connection.objects.update(issuer=evil.issuer, metadata=metadata)
        assert Browser(acme.organization, evil).sign_on()["error"] == "server_error"
        assert not evil.seen("token")
        assert acme.put(issuer=evil.issuer, client_secret=None).json["errors"].keys() == {"client_secret"}


def test_the_operator_is_told_of_secrets_that_cannot_be_read(acme: Acme, settings: Any) -> None:
    acme.put()
    assert "every" in examine_client_secrets(DoctorOptions()).text
    settings.SSO_SECRETS_FALLBACK_KEYS, settings.SSO_SECRETS_KEY = [settings.SSO_SECRETS_KEY], "0123456789abcdef" * 4
    finding = examine_client_secrets(DoctorOptions())
    assert (finding.level, finding.text[:2]) == ("ok", "1 ")
    settings.SSO_SECRETS_FALLBACK_KEYS = []
    finding = examine_client_secrets(DoctorOptions())
    assert (finding.level, finding.text[:2]) == ("fail", "1 ")
    assert Browser(acme.organization, acme.provider).sign_on()["error"] == "server_error"
    assert acme.put(client_secret=None).json["errors"].keys() == {"client_secret"}
    assert acme.put().status == 200
    assert "every" in examine_client_secrets(DoctorOptions()).text


def test_the_audit_tells_who_changed_and_removed_it(acme: Acme) -> None:
    acme.put()
    acme.delete()
    entries = AuditEntry.objects.order_by("at").values_list("type", "via", "actor", "target")
    told = ("member", acme.owner.user.pk, acme.provider.issuer)
    assert list(entries) == [("sso_changed", *told), ("sso_removed", *told)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"issuer": None}, "issuer"),
        ({"issuer": ""}, "issuer"),
        ({"issuer": "h" * 2049}, "issuer"),
        ({"issuer": 7}, "issuer"),
        ({"client_id": None}, "client_id"),
        ({"client_id": "c\n"}, "client_id"),
        ({"client_id": "c" * 256}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"client_secret": None}, "client_secret"),
        ({"client_secret": "ü"}, "client_secret"),
        ({"just_in_time": "yes"}, "just_in_time"),
        ({"enforced": 1}, "enforced"),
        ({"session_hours": 0}, "session_hours"),
        ({"session_hours": 8761}, "session_hours"),
        ({"session_hours": "24"}, "session_hours"),
        ({"session_hours": True}, "session_hours"),
        ({"session_hours": 1.5}, "session_hours"),
    ],
)
def test_the_body_is_checked(acme: Acme, changes: dict[str, Any], field: str) -> None:
    answer = acme.put(**changes)
    assert (answer.status, list(answer.json["errors"])) == (400, [field])
    assert not acme.provider.requests


# --- what of the provider is checked ---------------------------------------------------------------------------

UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://evil.example"}, "another issuer"),
    "no issuer": ({"issuer": None}, "another issuer"),
    "an issuer that is no text": ({"issuer": ["x"]}, "another issuer"),
    "no authorization endpoint": ({"authorization_endpoint": None}, "authorization_endpoint"),
    "no token endpoint": ({"token_endpoint": None}, "token_endpoint"),
    "a token endpoint that is no text": ({"token_endpoint": {"a": 1}}, "token_endpoint"),
    "no keys": ({"jwks_uri": None}, "jwks_uri"),
    "no code flow": ({"response_types_supported": ["id_token"]}, "code flow"),
    "no response types": ({"response_types_supported": None}, "code flow"),
    "response types that are no list": ({"response_types_supported": "code"}, "code flow"),
    "plain PKCE": ({"code_challenge_methods_supported": ["plain"]}, "S256"),
    "keys of another kind for clients": ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "secret"),
    "a query that no database takes": ({"token_endpoint": "http://127.0.0.1/t?\0"}, "no query has"),
    "such a query elsewhere": ({"userinfo_endpoint": "http://127.0.0.1/u?\ud800"}, "no query has"),
    "a fragment": ({"authorization_endpoint": "https://login.example.com/#a"}, "fragment"),
    "a line end": ({"authorization_endpoint": "https://login.example.com/\r\nX-Evil: 1"}, "fragment"),
}


@pytest.mark.parametrize(("document", "sentence"), UNFIT.values(), ids=UNFIT)
def test_a_provider_that_cannot_be_used(acme: Acme, document: dict[str, Any], sentence: str) -> None:
    acme.provider.discovery = document
    assert sentence in sentence_of(acme.put())
    assert not Connection.objects.exists()
    acme.provider.discovery = {}
    assert acme.put().status == 200


@pytest.mark.parametrize(
    "document",
    [
        {"code_challenge_methods_supported": None},
        {"token_endpoint_auth_methods_supported": None},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]},
        {"userinfo_endpoint": None},
        {"unknown": {"a": ["b"]}},
    ],
)
def test_a_provider_need_not_say_everything(acme: Acme, document: dict[str, Any]) -> None:
    acme.provider.discovery = document
    assert acme.put().status == 200


FAULTS = [500, 404, 401, 429, "reset", "cut", "garbage", "huge", "redirect"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("page", ["discovery", "jwks"])
def test_a_provider_that_fails(acme: Acme, page: Any, fault: Any) -> None:
    with OidcProvider() as trap:
        acme.provider.redirect_to, acme.provider.faults = f"{trap.issuer}/jwks", {page: fault}
        sentence_of(acme.put())
        assert not trap.requests, "nothing follows a redirect"
    acme.provider.faults = {}
    assert acme.put().status == 200


def test_a_provider_that_hangs(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.organizations.sso.provider.asking.SECONDS", 0.3)
    acme.provider.faults, began = {"discovery": "hang"}, time.monotonic()
    assert "time" in sentence_of(acme.put())
    assert time.monotonic() - began < 3


def test_an_organisation_makes_us_ask_providers_so_often_and_no_more(acme: Acme, limits_clock: Clock) -> None:
    """Each with another name may hang, and they would take the places of everybody's sign-ons: whoever of it asks."""
    admin = join(acme.organization, role=Role.ADMIN)
    statuses = [acme.put(by, issuer="https://x").status for _ in range(20) for by in (acme.owner, admin)]
    assert statuses == [400] * 20 + [429] * 20
    assert acme.put(make_account(tier="free")).status == 404
    assert acme.get().status == 404


def test_nobody_is_there(acme: Acme) -> None:
    acme.provider.stop()
    assert "reached" in sentence_of(acme.put())


def test_keys_of_no_kind_that_we_take(acme: Acme) -> None:
    (honest,) = acme.provider.keys
    for jwk in (
        {**honest.jwk, "use": "enc"},
        {**honest.jwk, "alg": "RS512"},
        {**honest.jwk, "alg": "HS256"},
        {**honest.jwk, "kty": "oct", "k": "AAAA"},
        {**honest.jwk, "n": "AQAB"},
        {**honest.jwk, "n": base64url((2**2047 - 1).to_bytes(256))},  # a bit too few
        {**honest.jwk, "n": "not base64!"},
        {**honest.jwk, "kid": "\x00"},
        {**honest.jwk, "kid": "\ud800"},
        {**honest.jwk, "kid": ["a"]},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        "a key",
    ):
        acme.provider.jwks = {"keys": [jwk]}
        assert "no key" in sentence_of(acme.put()), jwk
    acme.provider.jwks = {"keys": [{**honest.jwk, "alg": "RS512"}, honest.jwk]}
    assert acme.put().status == 200


def test_a_private_key_that_a_provider_shows_is_not_kept(acme: Acme) -> None:
    acme.provider.jwks = {"keys": [{**acme.provider.keys[0].jwk, "d": "PRIVATE", "p": "PRIVATE"}]}
    assert acme.put().status == 200
    assert "PRIVATE" not in str(Connection.objects.get().keys)


# --- where we do not go ----------------------------------------------------------------------------------------

INSIDE: dict[str, str] = {
    "metadata of a cloud": "https://169.254.169.254",
    "metadata over http": "http://169.254.169.254/latest/meta-data",
    "localhost": "https://localhost",
    "loopback": "https://127.0.0.1",
    "loopback over IPv6": "https://[::1]",
    "loopback as a number": "https://2130706433",
    "a private network": "https://10.0.0.1",
    "http": "http://login.example.com",
    "another port": "https://login.example.com:8443",
    "a name that leads to loopback": "https://inside.example.com",
    "a name that leads to a metadata service": "https://metadata.example.com",
    "a user in the address": "https://login.example.com@127.0.0.1",
    "a name of the network": "https://idp.internal",
    "no web address": "file:///etc/passwd",
}


@pytest.fixture
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the resolver says."""
    known = {"inside.example.com": "127.0.0.1", "metadata.example.com": "169.254.169.254"}

    def look_up(host: str, port: int) -> list[tuple[str, int]]:
        return [(known.get(host, "93.184.215.14"), port)]

    monkeypatch.setattr(guard, "_ask_system", look_up)


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
class TestInside:
    def test_as_issuer(self, acme: Acme, address: str) -> None:
        sentence_of(acme.put(issuer=address))
        assert not acme.provider.requests
        assert acme.put().status == 200

    @pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
    def test_as_an_endpoint_that_we_ask(self, acme: Acme, name: str, address: str) -> None:
        acme.provider.discovery = {name: f"{address}/x"}
        assert name in sentence_of(acme.put())
        acme.provider.discovery = {}
        assert acme.put().status == 200

    def test_as_the_page_that_a_browser_opens(self, acme: Acme, address: str) -> None:
        """Where a name leads is the browser's to find out: we connect to none."""
        acme.provider.discovery = {"authorization_endpoint": f"{address}/authorize"}
        if address in {"https://inside.example.com", "https://metadata.example.com"}:
            assert acme.put().status == 200
        else:
            assert "authorization_endpoint" in sentence_of(acme.put())


def test_a_provider_of_the_internet_is_known_by_its_certificate(acme: Acme, foreign: ForeignHosts) -> None:
    with OidcProvider(host="login.example.com", tls=foreign.authority.server_context("login.example.com")) as real:
        foreign.addresses["login.example.com"] = [("127.0.0.1", real.port)]
        real.callback_url = acme.provider.callback_url
        assert acme.put(issuer="https://login.example.com").status == 200
        assert "code" in Browser(acme.organization, real).sign_on()
    with OidcProvider(host="login.example.com", tls=foreign.authority.server_context("evil.example.com")) as evil:
        foreign.addresses["login.example.com"] = [("127.0.0.1", evil.port)]
        assert "reached" in sentence_of(acme.put(issuer="https://login.example.com"))
        assert not evil.requests


# --- enforcement -----------------------------------------------------------------------------------------------


def test_enforcing_needs_an_owner_who_could_get_in(acme: Acme) -> None:
    assert acme.put(enforced=True).code == "conflict"
    acme.put()
    admin = join(acme.organization, role=Role.ADMIN)
    link(acme.organization, admin, subject="bob")
    answer = acme.put(enforced=True)
    assert (answer.status, answer.code) == (409, "conflict")
    link(acme.organization, acme.owner)
    assert acme.put(enforced=True).json["enforced"] is True


def test_another_issuer_cannot_be_enforced_until_an_owner_is_linked_anew(acme: Acme, settings: Any) -> None:
    acme.put()
    link(acme.organization, acme.owner)
    with OidcProvider() as other:
        settings.EGRESS_ALLOW |= {other.place}
        assert acme.put(issuer=other.issuer, enforced=True).code == "conflict"
        assert acme.put(issuer=other.issuer).status == 200
        assert acme.put(issuer=other.issuer, enforced=True).code == "conflict"
        link(acme.organization, acme.owner)
        assert acme.put(issuer=other.issuer, enforced=True).status == 200


@pytest.mark.parametrize("gone", ["disabled", "taken back", "of another organisation"])
def test_an_owner_who_is_gone_does_not_count(acme: Acme, gone: str) -> None:
    acme.put()
    second = join(acme.organization, role=Role.OWNER)
    link(acme.organization, second)
    membership = Membership.objects.filter(user=second.user)
    match gone:
        case "disabled":
            second.user.is_active = False
            second.user.save()
        case "taken back":
            membership.update(active=False, role=Role.MEMBER, deactivated_at=datetime.now(UTC))
        case _:
            membership.update(organization=make_organization()[0])
    assert acme.put(enforced=True).code == "conflict"


# --- removal, and others at the same time ----------------------------------------------------------------------


def test_removing_it_ends_the_sessions_that_began_there(acme: Acme) -> None:
    acme.put()
    members = [join(acme.organization) for _ in range(2)]
    for n, member in enumerate(members):
        identity = link(acme.organization, member, subject=f"member-{n}")
        session = Session.objects.get(id=member.session_id)
        SsoSession.objects.create(session=session, identity=identity, authenticated_at=datetime.now(UTC))
    assert acme.delete().status == 204
    assert not Identity.objects.exists()
    for member in members:
        assert ApiClient().get("auth/me", token=member.access_token).status == 401
    assert ApiClient().get("auth/me", token=acme.owner.access_token).status == 200


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_each_is_whole(acme: Acme) -> None:
    def put(n: int) -> Callable[[], int]:
        return lambda: acme.put(client_secret=None if n % 2 else CLIENT_SECRET, session_hours=n).status

    acme.put()
    assert run_concurrently(*[put(n) for n in range(1, 7)]) == [200] * 6
    assert Connection.objects.get().session_hours in range(1, 7)
    assert AuditEntry.objects.count() == 7
    assert "code" in Browser(acme.organization, acme.provider).sign_on()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_provider_that_another_is_asking(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a lock nor a transaction is held meanwhile; who lost their role in between has lost it."""
    monkeypatch.setattr("accounts.organizations.sso.provider.asking.SECONDS", 30.0)
    acme.put()
    admin = join(acme.organization, role=Role.ADMIN)
    acme.provider.faults = {"discovery": "hang"}
    answers: list[Answer] = []

    def put() -> None:
        answers.append(acme.put(admin))
        database.close()

    thread = Thread(target=put)
    thread.start()
    while len(acme.provider.seen("discovery")) < 2:
        time.sleep(0.01)
    assert acme.delete().status == 204
    Membership.objects.filter(user=admin.user).update(role=Role.MEMBER)
    acme.provider.let_go()
    thread.join(timeout=30)
    assert (answers[0].status, answers[0].code) == (403, "permission_denied")
    assert not Connection.objects.exists()
