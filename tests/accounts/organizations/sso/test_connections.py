"""PUT, GET and DELETE /organizations/{id}/sso: who may, what is kept, and what is enforced."""

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
from adiuva.observability.probes import DoctorOptions
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.accounts.organizations.sso.conftest import Acme
from tests.fakes.oidc_provider import CLIENT_SECRET, OidcProvider
from tests.support.accounts import Account, make_account
from tests.support.client import Answer, ApiClient
from tests.support.organizations import join, make_organization
from tests.support.sign_on import Browser

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
