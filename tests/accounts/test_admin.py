from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts import erasure
from accounts.models import Session, User
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
Staff = Callable[..., Client]
LISTS = ["/admin/accounts/user/", "/admin/accounts/session/", "/admin/auth/group/"]


@pytest.fixture
def staff(make_user: MakeUser) -> Staff:
    """``staff("change_user", …)``: a browser of a staff member with these permissions."""

    def browser(*permissions: str, superuser: bool = False) -> Client:
        user = make_user().user
        user.is_staff, user.is_superuser = True, superuser
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return browser


def own(client: Client) -> User:
    return User.objects.get(id=client.session["_auth_user_id"])


def page(user: User) -> str:
    return f"/admin/accounts/user/{user.id}/change/"


def submit(client: Client, user: User, **fields: Any) -> int:
    """Posts the whole form as a browser would: a box that is not ticked is not sent."""
    return client.post(page(user), {name: value for name, value in fields.items() if value is not False}).status_code


def test_nobody_without_a_staff_login_gets_in(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    client = Client()
    client.force_login(account.user)
    for path in ("/admin/", *LISTS):
        assert client.get(path).status_code == 302
        assert api.get(path, token=account.access_token).status == 302


@pytest.mark.parametrize("path", LISTS)
def test_staff_without_permissions_sees_nothing(staff: Staff, path: str) -> None:
    client = staff()
    assert client.get(path).status_code == 403
    assert path not in client.get("/admin/").content.decode()


def test_staff_without_permissions_cannot_open_one_account(staff: Staff, make_user: MakeUser) -> None:
    other = make_user().user
    client = staff()
    assert client.get(page(other)).status_code == 403
    assert submit(client, other, is_active=False) == 403
    assert User.objects.get(id=other.id).is_active


def test_who_may_view_finds_an_account_by_its_address_and_changes_nothing(staff: Staff, make_user: MakeUser) -> None:
    other = make_user(email="ada@example.com").user
    client = staff("view_user")
    assert b"ada@example.com" in client.get("/admin/accounts/user/?q=ada").content
    assert client.get(page(other)).status_code == 200
    assert submit(client, other, is_active=False) == 403


def test_a_password_hash_is_on_no_page(staff: Staff, make_user: MakeUser) -> None:
    other = make_user().user
    client = staff(superuser=True)
    for path in (page(other), "/admin/accounts/user/", "/admin/accounts/session/"):
        assert other.password.encode() not in client.get(path).content


def test_who_may_change_accounts_can_disable_one_and_it_takes_effect_at_once(
    staff: Staff, api: ApiClient, make_user: MakeUser
) -> None:
    account = make_user()
    assert submit(staff("view_user", "change_user"), account.user, is_active=False) == 302
    assert api.get("auth/me", token=account.access_token).status == 401


def test_a_disabled_accounts_sessions_do_not_come_back_with_it(
    staff: Staff, api: ApiClient, make_user: MakeUser
) -> None:
    account = make_user()
    client = staff("view_user", "change_user")
    submit(client, account.user, is_active=False)
    assert submit(client, account.user, is_active="on") == 302
    assert User.objects.get(id=account.user.id).is_active
    assert api.get("auth/me", token=account.access_token).status == 401
    assert api.post("auth/refresh", json={"refresh_token": account.refresh_token}).status == 401


def test_saving_an_enabled_account_keeps_its_sessions(staff: Staff, api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert submit(staff("view_user", "change_user"), account.user, is_active="on") == 302
    assert api.get("auth/me", token=account.access_token).status == 200


def test_staff_cannot_make_anybody_staff_superuser_or_member_of_a_group(staff: Staff, make_user: MakeUser) -> None:
    other = make_user().user
    group = Group.objects.create(name="all rights")
    greedy = {"is_active": "on", "is_staff": "on", "is_superuser": "on", "groups": [group.pk]}
    submit(staff("view_user", "change_user"), other, **greedy)
    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser, other.groups.count()) == (False, False, 0)


def test_staff_cannot_promote_themselves(staff: Staff) -> None:
    client = staff("view_user", "change_user")
    group = Group.objects.create(name="all rights")
    submit(client, own(client), is_active="on", is_staff="on", is_superuser="on", groups=[group.pk])
    user = own(client)
    assert (user.is_superuser, user.groups.count()) == (False, 0)


def test_staff_cannot_disable_a_superuser_or_other_staff(staff: Staff) -> None:
    client = staff("view_user", "change_user")
    for target in (own(staff(superuser=True)), own(staff())):
        assert submit(client, target, is_active=False) == 403
        assert User.objects.get(id=target.id).is_active


def test_staff_cannot_give_their_own_group_more_rights(staff: Staff) -> None:
    client = staff("view_group", "change_group", "add_group", "delete_group")
    group = Group.objects.create(name="reviewers")
    own(client).groups.add(group)
    form = {"name": "reviewers", "permissions": [Permission.objects.first().pk]}  # type: ignore[union-attr]
    assert client.post(f"/admin/auth/group/{group.pk}/change/", form).status_code == 403
    assert client.post("/admin/auth/group/add/", form).status_code == 403
    assert client.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}).status_code == 403
    assert group.permissions.count() == 0


def test_a_superuser_appoints_staff(staff: Staff, make_user: MakeUser) -> None:
    other = make_user().user
    group = Group.objects.create(name="reviewers")
    client = staff(superuser=True)
    assert submit(client, other, is_active="on", is_staff="on", groups=[group.pk]) == 302
    other.refresh_from_db()
    assert (other.is_staff, other.is_superuser, list(other.groups.all())) == (True, False, [group])


def test_a_superuser_changes_what_a_group_may_do(staff: Staff) -> None:
    group = Group.objects.create(name="reviewers")
    permission = Permission.objects.get(codename="view_user")
    form = {"name": "reviewers", "permissions": [permission.pk]}
    assert staff(superuser=True).post(f"/admin/auth/group/{group.pk}/change/", form).status_code == 302
    assert list(group.permissions.all()) == [permission]


def test_not_even_a_superuser_edits_an_address_or_a_tier(staff: Staff, make_user: MakeUser) -> None:
    account = make_user()
    submit(staff(superuser=True), account.user, is_active="on", email="new@example.com", tier="team", password="x")
    user = User.objects.get(id=account.user.id)
    assert (user.email, user.tier, user.password) == (account.email, "free", account.user.password)


def test_not_even_a_superuser_adds_or_deletes_accounts_there(staff: Staff, make_user: MakeUser) -> None:
    other = make_user().user
    client = staff(superuser=True)
    count = User.objects.count()
    assert client.get("/admin/accounts/user/add/").status_code == 403
    assert client.post(f"/admin/accounts/user/{other.id}/delete/", {"post": "yes"}).status_code == 403
    client.post(
        "/admin/accounts/user/", {"action": "delete_selected", "_selected_action": [str(other.id)], "post": "yes"}
    )
    assert User.objects.count() == count


def test_not_even_a_superuser_touches_sessions(staff: Staff, make_user: MakeUser) -> None:
    session_id = make_user().session_id
    client = staff(superuser=True)
    path = f"/admin/accounts/session/{session_id}"
    assert client.get("/admin/accounts/session/").status_code == 200
    assert client.get(f"{path}/change/").status_code == 200
    for refused in (
        client.post(f"{path}/change/", {"user_agent": "x"}),
        client.post(f"{path}/delete/", {"post": "yes"}),
        client.get("/admin/accounts/session/add/"),
    ):
        assert refused.status_code == 403
    assert Session.objects.get(id=session_id).user_agent == "tests"


def test_an_account_that_is_being_erased_cannot_be_enabled_again(staff: Staff, make_user: MakeUser) -> None:
    account = make_user()
    erasure.close_account(user=account.user)
    assert submit(staff(superuser=True), account.user, is_active="on") == 302
    assert not User.objects.get(id=account.user.id).is_active


def test_a_disabled_staff_member_is_out_at_once(staff: Staff) -> None:
    client = staff("view_user")
    User.objects.filter(id=own(client).id).update(is_active=False)
    assert client.get("/admin/accounts/user/").status_code == 302


def test_the_admins_lists_do_not_query_once_a_row(
    staff: Staff, make_user: MakeUser, django_assert_max_num_queries: Any
) -> None:
    client = staff(superuser=True)
    for _ in range(15):
        make_user()
    for path in LISTS[:2]:
        with django_assert_max_num_queries(12):
            assert client.get(path).status_code == 200


def test_the_admins_cookie_opens_nothing_of_the_api(staff: Staff) -> None:
    client = staff(superuser=True)
    assert client.get("/api/v1/auth/me").status_code == 401
