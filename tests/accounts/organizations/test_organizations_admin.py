"""What staff see of organisations, and the two things they can do."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from accounts.organizations.models import AuditEntry, BreakGlassCode, Connection, Domain, Membership, Organization
from tests.adiuva.dashboard.dashboard_page import card, items, the_list
from tests.support.accounts import PASSWORD, make_account
from tests.support.client import ApiClient
from tests.support.organizations import fill_organization, join, make_connection, make_organization

pytestmark = pytest.mark.django_db
MARK = "secret-of-somebody"
SEALED = "canary-of-a-sealed-secret"


def browser(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser(email="root@example.com")


@pytest.fixture
def reader() -> User:
    user = User.objects.create_user(email="reader@example.com", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="organizations", codename__startswith="view")
    )
    return user


def pages(model: type[Any], row: Any) -> tuple[str, str]:
    place = f"/admin/organizations/{model._meta.model_name}/"
    return place, f"{place}{row.pk}/change/"


def test_no_page_shows_a_secret_or_a_hash(root: User) -> None:
    organization = fill_organization("Acme", owner=root, mark=MARK)
    Connection.objects.update(client_secret=SEALED, metadata={"issuer": SEALED}, keys={"keys": [SEALED]})
    hashes = {BreakGlassCode.objects.get().code_hash, Domain.objects.get().txt_value, SEALED}
    client = browser(root)
    for rows in (
        organization.members,
        organization.domains,
        organization.invitations,
        organization.scim_tokens,
        organization.audit,
    ):
        for path in pages(rows.model, rows.get()):
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert not [one for one in hashes if one in answer.content.decode().replace(f"{one}.example", "")], path
    for path in (*pages(Organization, organization), *pages(Connection, organization.connection)):
        content = client.get(path).content.decode()
        assert SEALED not in content, path


def test_an_organisation_is_found_by_a_members_address_and_counted_once(root: User) -> None:
    organization, owner = make_organization(name="Acme")
    join(organization, None), join(organization, None)
    make_organization(name="Other")
    answer: Any = browser(root).get(f"/admin/organizations/organization/?q={owner.email}")
    (row,) = answer.context_data["cl"].result_list
    assert (row, row.members_count) == (organization, 3)
    everybody: Any = browser(root).get("/admin/organizations/organization/?q=example.com")
    assert [row.members_count for row in everybody.context_data["cl"].result_list] == [1, 3]


def test_the_page_of_an_organisation_says_who_is_in_it_and_what_is_paid(root: User) -> None:
    organization, owner = make_organization(seats=7)
    page = browser(root).get(f"/admin/organizations/organization/{organization.pk}/change/").content.decode()
    assert owner.email in page
    assert "7, of which 1 are taken<" in page.replace("\n", "")


def test_the_page_of_an_organisation_counts_the_seats_that_invitations_take(root: User) -> None:
    organization = fill_organization("Acme", owner=make_account(tier="team").user)
    page = browser(root).get(f"/admin/organizations/organization/{organization.pk}/change/").content.decode()
    assert "1 are taken, and 1 by invitations" in page


def test_staff_take_a_domain_away_and_the_organisation_can_read_it(root: User) -> None:
    organization, _ = make_organization()
    moment = organization.created_at
    domain = Domain.objects.create(
        organization=organization, name="acme.example", txt_value="x", created_at=moment, verified_at=moment
    )
    answer = browser(root).post(
        "/admin/organizations/domain/", {"action": "remove_claim", "_selected_action": [domain.pk]}
    )
    assert answer.status_code == 302
    assert not Domain.objects.exists()
    (entry,) = AuditEntry.objects.of_organization(organization.id)
    assert (entry.type, entry.via, entry.actor, entry.target) == ("domain_removed", "operator", None, "acme.example")
    assert LogEntry.objects.get().user == root


def test_staff_let_in_again_whom_an_enforced_sign_on_locks_out(root: User) -> None:
    organization, owner = make_organization()
    connection = make_connection(organization, enforced=True)
    login = {"email": owner.email, "password": PASSWORD}
    assert ApiClient().post("auth/login", json=login).code == "sso_required"
    answer = browser(root).post(
        "/admin/organizations/connection/", {"action": "stop_enforcing", "_selected_action": [connection.pk]}
    )
    assert answer.status_code == 302
    assert ApiClient().post("auth/login", json=login).status == 200
    (entry,) = AuditEntry.objects.of_organization(organization.id)
    assert (entry.type, entry.via, entry.actor, entry.target) == ("sso_changed", "operator", None, connection.issuer)
    assert LogEntry.objects.get().user == root


def test_who_may_only_look_enforces_nothing_less(reader: User) -> None:
    connection = make_connection(make_organization()[0], enforced=True)
    client = browser(reader)
    assert client.get("/admin/organizations/connection/").status_code == 200
    client.post("/admin/organizations/connection/", {"action": "stop_enforcing", "_selected_action": [connection.pk]})
    connection.refresh_from_db()
    assert connection.enforced


def test_who_may_only_look_takes_nothing_away(reader: User) -> None:
    organization, _ = make_organization()
    domain = Domain.objects.create(
        organization=organization, name="acme.example", txt_value="x", created_at=organization.created_at
    )
    client = browser(reader)
    assert client.get("/admin/organizations/domain/").status_code == 200
    client.post("/admin/organizations/domain/", {"action": "remove_claim", "_selected_action": [domain.pk]})
    assert Domain.objects.exists()


def test_the_dashboard_counts_organisations_and_members_by_sign_on(root: User) -> None:
    for enforced in (None, False, True, True):
        organization, _ = make_organization()
        Membership.objects.filter(pk=join(organization).user.membership.pk).update(
            active=False, deactivated_at=organization.created_at
        )
        join(organization)
        if enforced is not None:
            make_connection(organization, enforced=enforced)
    found = card(items(root), "organizations")
    assert [figure.value for figure, _ in found.heads] == [4, 8]
    numbers = {row.label: tuple(figure.value for figure in row.figures) for row in found.rows}
    assert numbers == {"Without sign-on": (1, 2), "Sign-on offered": (1, 2), "Sign-on enforced": (2, 4)}
    for figure in [figure for figure, _ in found.heads] + [figure for row in found.rows for figure in row.figures]:
        assert the_list(figure.href, root).result_count == figure.rows
