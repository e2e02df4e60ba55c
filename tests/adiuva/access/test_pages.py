"""Who may open what outside ``/api/``: pages, the schema, and every route of the admin."""

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver

from adiuva import urls
from tests.support.accounts import Account, make_account
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer

A_UUID = "00000000-0000-4000-8000-000000000000"
NO_PAGES = {"api/v1/", "scim/v2/", "^(?:api|scim)(?:/|$)"}  # SCIM: tests/accounts/organizations/scim
NO_API = [pattern for pattern in urls.urlpatterns if str(pattern.pattern) not in NO_PAGES]

# Open to anybody: GET and POST in development, GET in production.
PAGES = """
path                                   dev-GET dev-POST prod-GET
account/verify                         400     400      400
account/reset                          400     400      400
account/email                          400     400      400
account/invitation                     400     400      400
account/passkey                        200     405      200
billing/done                           200     405      200
billing/paid                           200     405      200
billing/cancelled                      200     405      200
billing/back                           200     405      200
billing/stub/<str:token>               404     404      404
billing/stub/portal/<str:token>        404     404      404
billing/stub/invoice/<str:token>       404     404      404
billing/stub/invoice/<str:token>/pdf   404     405      404
plugins/onboarding/done                200     405      200
plugins/onboarding/again               200     405      200
plugins/onboarding/stub/<str:token>    404     404      404
dev/mail                               404     405      404
dev/mail/<uuid:mail_id>                404     405      404
dev/mail/<uuid:mail_id>/html           404     405      404
openapi.json                           200     405      404
docs                                   200     405      404
/                                      302     405      404
"""
# Routes of the admin that belong to no model, by name: GET, or POST where that is the only method.
# 302 leads nobody and members to the login page.
#   member: an account that is not staff, with a session all the same; staff: without any permission
ADMIN_PAGES = """
name                                  nobody member staff reviewer superuser
index                                 302    302    200   200      200
login                                 200    200    302   302      302
second_factor                         302    302    302   302      302
logout                                302    302    405   405      405
password_change                       302    302    200   200      200
password_change_done                  302    302    200   200      200
autocomplete                          302    302    403   403      403
jsi18n                                302    302    200   200      200
search                                302    302    200   200      200
view_on_site                          302    302    404   404      404
app_list                              302    302    404   404      200
accounts_user_send_password_reset     302    302    403   403      404
accounts_user_send_verification       302    302    403   403      404
marketplace_plugin_take_down          302    302    403   404      404
marketplace_plugin_take_down_version  302    302    403   404      404
marketplace_pluginreport_close        302    302    403   404      404
marketplace_submission_ask            302    302    403   404      404
marketplace_submission_note           302    302    403   404      404
marketplace_plugin_reinstate          302    302    403   404      404
marketplace_submission_approve        302    302    403   404      404
marketplace_submission_reject         302    302    403   404      404
marketplace_submission_file           302    302    403   404      404
marketplace_submission_claim          302    302    403   404      404
marketplace_submission_release        302    302    403   404      404
marketplace_submission_renew          302    302    403   404      404
marketplace_submission_skip           302    302    403   404      404
marketplace_submission_next           302    302    403   302      302
marketplace_submission_supersede      302    302    403   200      200
marketplace_submission_changes        302    302    403   404      404
marketplace_submission_package        302    302    403   404      404
marketplace_submission_raw            302    302    403   404      404
marketplace_submission_look_again     302    302    403   404      404
None                                  302    302    404   404      404
"""
# Models in the admin: v(iew), a(dd), c(hange), d(elete). Staff without a permission have none of them.
MODELS = """
model                          reviewer superuser
auth_group                     ----     vacd
accounts_user                  ----     v-c-
accounts_session               ----     v---
accounts_securityevent         ----     v---
organizations_organization     ----     v---
organizations_membership       ----     v---
organizations_domain           ----     v---
organizations_connection       ----     v---
organizations_invitation       ----     v---
organizations_scimtoken        ----     v---
organizations_auditentry       ----     v---
mail_outgoingmail              ----     v---
billing_subscription           ----     v---
billing_knownprice             ----     v---
billing_operatoralert          ----     v---
billing_subscriptionpayment    ----     v---
batches_batch                  ----     v---
batches_batchrun               ----     v---
chat_dailyusage                ----     v---
chat_monthlybudget             ----     v---
djstripe_event                 ----     v---
djstripe_customer              ----     v---
djstripe_subscription          ----     v---
djstripe_product               ----     v---
djstripe_price                 ----     v---
storage_storageusage           ----     v---
backups_backup                 ----     v---
backups_backuppolicy           ----     v---
marketplace_revenueevent       ----     v---
marketplace_ledgerentry        ----     v---
marketplace_transfer           ----     v---
marketplace_paymentreturn      ----     v---
marketplace_developeraccount   ----     v---
marketplace_plugin             v---     v---
marketplace_pluginreport       v---     v---
marketplace_pluginpurchase     ----     v---
marketplace_plugininstallation ----     v---
marketplace_pluginversion      v---     v---
"""
ONLY_POST = {
    "accounts_user_send_password_reset",
    "accounts_user_send_verification",
    "marketplace_plugin_take_down",
    "marketplace_plugin_take_down_version",
    "marketplace_pluginreport_close",
    "marketplace_submission_ask",
    "marketplace_submission_note",
    "marketplace_plugin_reinstate",
    "marketplace_submission_approve",
    "marketplace_submission_reject",
    "marketplace_submission_claim",
    "marketplace_submission_release",
    "marketplace_submission_renew",
    "marketplace_submission_skip",
    "marketplace_submission_next",
    "marketplace_submission_supersede",
    "marketplace_submission_look_again",
}
DOINGS = ("changelist", "add", "change", "delete")
Roles = dict[str, Client]


def table(text: str) -> dict[str, list[str]]:
    lines = [line.split() for line in text.splitlines() if line]
    return {name: cells for name, *cells in lines[1:]}


def patterns_of(patterns: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Path and name of every route."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns_of(pattern.url_patterns, path)
        else:
            assert isinstance(pattern, URLPattern)
            yield path, str(pattern.name)


ROUTES = [route for route in patterns_of(NO_API) if not route[0].startswith("admin/")]
ADMIN_ROUTES = [route for route in patterns_of(NO_API) if route[0].startswith("admin/")]


def concrete(path: str) -> str:
    """A path that a request can be sent to; what it names is not there."""
    path = path.removeprefix("/")
    path = path.replace("(?P<url>.*)$", "nowhere/").replace("admin/^", "admin/")
    path = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)/\$", r"\1/", path)
    path = re.sub(r"<(?:path:content_type_id|int:index)>", "1", path)
    return "/" + re.sub(r"<(?:str|slug):\w+>", "nothing", re.sub(r"<(?:path|uuid):\w+>", A_UUID, path))


def of_a_model(name: str) -> bool:
    """What Django adds for each model that is registered."""
    return name.endswith(tuple(f"_{doing}" for doing in (*DOINGS, "history"))) and name != "password_change"


def browser(account: Account | None) -> Client:
    client = Client(raise_request_exception=False)
    if account is not None:
        client.force_login(account.user)
    return client


def staff(*groups: Group, is_superuser: bool = False) -> Account:
    account = make_account()
    account.user.is_staff, account.user.is_superuser = True, is_superuser
    account.user.save()
    account.user.groups.set(groups)
    return account


@pytest.fixture
def roles(db: None) -> Roles:
    # A test with transactions before this one may have emptied the tables.
    importlib.import_module("marketplace.migrations.0003_reviewers").make_group(apps, connection.schema_editor())
    reviewers = Group.objects.get(name="Plugin reviewers")
    return {
        "nobody": browser(None),
        "member": browser(make_account(tier="team")),
        "staff": browser(staff()),
        "reviewer": browser(staff(reviewers)),
        "superuser": browser(staff(is_superuser=True)),
    }


def test_every_page_is_in_the_table() -> None:
    assert {path or "/" for path, _ in ROUTES} == table(PAGES).keys()


def test_every_route_of_the_admin_is_in_a_table() -> None:
    named = {name for path, name in ADMIN_ROUTES if not (of_a_model(name) or "<path:object_id>" in path)}
    assert named | {"view_on_site"} == table(ADMIN_PAGES).keys()
    assert {name.rpartition("_")[0] for _, name in ADMIN_ROUTES if of_a_model(name)} == table(MODELS).keys()


@pytest.mark.django_db
@pytest.mark.parametrize("path", table(PAGES))
def test_a_page_is_open_to_anybody(path: str) -> None:
    get, post, _ = map(int, table(PAGES)[path])
    cookies = browser(staff(is_superuser=True))
    for client in (browser(None), cookies):
        assert (client.get(concrete(path)).status_code, client.post(concrete(path)).status_code) == (get, post)


def test_in_production(production: RunningServer) -> None:
    """Without a database: none of these asks it anything."""
    paths = {path: concrete(path) for path in table(PAGES)}
    answers = {path: exchange(production, head(f"GET {paths[path]}")).status for path in paths}
    assert answers == {path: int(cells[2]) for path, cells in table(PAGES).items()}
    assert exchange(production, head("GET /admin/")).status == 302


@pytest.mark.parametrize("name", table(ADMIN_PAGES))
def test_a_page_of_the_admin(roles: Roles, name: str) -> None:
    path = next(path for path, own in reversed(ADMIN_ROUTES) if own == name)  # the last without a name takes the rest
    method = "post" if name in ONLY_POST else "get"
    answers = [str(getattr(client, method)(concrete(path)).status_code) for client in roles.values()]
    assert dict(zip(roles, answers, strict=True)) == dict(zip(roles, table(ADMIN_PAGES)[name], strict=True))


@pytest.mark.parametrize("model", table(MODELS))
def test_a_model_in_the_admin(roles: Roles, model: str) -> None:
    expected = dict(zip(("reviewer", "superuser"), table(MODELS)[model], strict=True))
    assert {role: rights(roles[role], model) for role in expected} == expected
    assert rights(roles["staff"], model) == "----"
    for role in ("nobody", "member"):
        for doing in DOINGS:
            for method in ("get", "post"):
                answer = getattr(roles[role], method)(_path(model, doing))
                assert answer.status_code == 302, (role, method, doing)
                assert answer.headers["Location"].startswith("/admin/login/"), (role, method, doing)


def rights(client: Client, model: str) -> str:
    """What Django lets through: an object that is not there leads elsewhere (302), but only whom it would be shown."""
    allowed: dict[str, Callable[[], int]] = {
        "v": lambda: client.get(_path(model, "changelist")).status_code,
        "a": lambda: client.get(_path(model, "add")).status_code,
        "c": lambda: client.post(_path(model, "change")).status_code,
        "d": lambda: client.post(_path(model, "delete")).status_code,
    }
    found = {right: ask() for right, ask in allowed.items()}
    assert set(found.values()) <= {200, 302, 403, 405}, found
    return "".join("-" if status in {403, 405} else right for right, status in found.items())


def _path(model: str, doing: str) -> str:
    return concrete(next(path for path, name in ADMIN_ROUTES if name == f"{model}_{doing}"))


@pytest.mark.django_db
def test_an_access_token_opens_nothing_in_the_admin() -> None:
    superuser = staff(is_superuser=True)
    answer = browser(None).get("/admin/", headers={"Authorization": f"Bearer {superuser.access_token}"})
    assert answer.status_code == 302
