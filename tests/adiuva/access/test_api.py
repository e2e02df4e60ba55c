"""Who may call what under ``/api/v1/``: every route, every method, every kind of caller, in one table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.urls import URLPattern, URLResolver

import agents.llm.factory
from accounts.models import User
from adiuva import urls
from adiuva.asgi import sockets
from storage.blobs.factory import get_blob_store
from tests.adiuva.access.callers import Owner, outsiders, published_plugin
from tests.adiuva.access.requests import QUERIES, request_for
from tests.support.accounts import Account, make_account
from tests.support.client import ApiClient

in_transactions = pytest.mark.django_db(transaction=True)  # some views give their connection back
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# The status of a request that nothing else is wrong with. A method that is not listed is 405.
# nobody:   no token, or one that is expired, revoked, forged, a refresh token, of a disabled account; an admin's cookie
# free … team: by the live tier, each for what is their own; a superuser is what their tier is and no more
# stranger: a member of the team tier, for what is somebody else's ("." where a route names no object)
TABLE = """
method path                             nobody free pro  power team stranger
GET    health                           200    200  200  200   200  .
GET    health/ready                     200    200  200  200   200  .

POST   auth/register                    201    201  201  201   201  .
POST   auth/login                       200    200  200  200   200  .
POST   auth/refresh                     200    200  200  200   200  .
POST   auth/logout                      401    204  204  204   204  .
GET    auth/me                          401    200  200  200   200  .
PATCH  auth/me                          401    200  200  200   200  .
DELETE auth/me                          401    202  202  202   202  .
GET    auth/sessions                    401    200  200  200   200  .
DELETE auth/sessions/{session}          401    204  204  204   204  404
POST   auth/password                    401    200  200  200   200  .
POST   auth/password/reset              202    202  202  202   202  .
POST   auth/password/reset/confirm      200    200  200  200   200  .
POST   auth/email                       401    202  202  202   202  .
POST   auth/email/verification          401    202  202  202   202  .
POST   auth/email/verify                204    204  204  204   204  .
GET    auth/events                      401    200  200  200   200  .
GET    auth/export                      401    200  200  200   200  .
POST   auth/ws-ticket                   401    201  201  201   201  .
POST   auth/login/second-factor         200    200  200  200   200  .
POST   auth/reauthenticate              401    204  204  204   204  .
GET    auth/factors                     401    200  200  200   200  .
POST   auth/factors/totp                401    201  201  201   201  .
POST   auth/factors/recovery-codes      401    200  200  200   200  .
POST   auth/factors/{factor}/confirm    401    200  200  200   200  404
DELETE auth/factors/{factor}            401    204  204  204   204  404
POST   auth/passkeys/options            401    200  200  200   200  .
POST   auth/passkeys                    401    400  400  400   400  .
POST   auth/passkeys/login/options      200    200  200  200   200  .
POST   auth/passkeys/login              401    401  401  401   401  .
POST   auth/passkeys/login/code         401    401  401  401   401  .
POST   auth/passkeys/ticket             401    201  201  201   201  .
POST   auth/passkeys/ticket/options     401    401  401  401   401  .
POST   auth/passkeys/ticket/passkey     401    401  401  401   401  .
POST   auth/sso/token                   401    401  401  401   401  .
POST   auth/sso/discover                200    200  200  200   200  .
POST   auth/sso/link                    401    401  401  401   401  .
POST   auth/sso/backchannel-logout      400    400  400  400   400  .
GET    auth/sso/start                   404    404  404  404   404  .
GET    auth/sso/callback                400    400  400  400   400  .
GET    auth/sso/callback/{organization} 400    400  400  400   400  400

GET    organizations/{organization}/domains 401 200 200 200   200  404
POST   organizations/{organization}/domains 401 403 403 403   201  404
DELETE organizations/{organization}/domains/{domain} 401 204 204 204 204 404
POST   organizations/{organization}/domains/{domain}/verify 401 403 403 403 200 404

GET    organizations/{organization}/scim/tokens 401 200 200 200 200 404
POST   organizations/{organization}/scim/tokens 401 403 403 403 201 404
DELETE organizations/{organization}/scim/tokens/{scim_token} 401 204 204 204 204 404

POST   auth/prelogin                    200    200  200  200   200  .
GET    keys/envelopes                   401    200  200  200   200  .
PUT    keys/envelopes/{kind}/{ref}      401    200  200  200   200  200
DELETE keys/envelopes/{kind}/{ref}      401    204  204  204   204  404
GET    keys/requests                    401    200  200  200   200  .
POST   keys/requests                    401    201  201  201   201  .
GET    keys/requests/{key_request}      401    200  200  200   200  404
PUT    keys/requests/{key_request}      401    200  200  200   200  404

GET    batches                          401    200  200  200   200  .
POST   batches                          401    201  201  201   201  .
GET    batches/{batch}                  401    200  200  200   200  404
PUT    batches/{batch}                  401    200  200  200   200  404
DELETE batches/{batch}                  401    204  204  204   204  404
POST   batches/{batch}/activate         401    200  200  200   200  404
POST   batches/{batch}/pause            401    200  200  200   200  404
GET    batches/{batch}/runs             401    200  200  200   200  404
POST   batches/{batch}/runs             401    201  201  201   201  404
PATCH  batches/runs/{run}               401    200  200  200   200  404
POST   batches/runs/{run}/finish        401    200  200  200   200  404

GET    billing/tiers                    200    200  200  200   200  .
POST   billing/checkout                 401    200  200  200   409  .
GET    billing/subscription             401    200  200  200   200  .
DELETE billing/subscription             401    200  200  200   200  .
POST   billing/subscription/resume      401    409  409  409   409  .
POST   billing/portal                   401    200  200  200   200  .
GET    billing/invoices                 401    200  200  200   200  .
POST   billing/webhook                  400    400  400  400   400  .

GET    storage/records                  401    200  200  200   200  .
POST   storage/records                  401    402  201  201   201  .
POST   storage/records/fetch            401    200  200  200   200  .
POST   storage/records/batch            401    402  200  200   200  .
GET    storage/records/{record}         401    200  200  200   200  404
PUT    storage/records/{record}         401    402  200  200   200  404
DELETE storage/records/{record}         401    204  204  204   204  404
GET    storage/records/{record}/versions 401   200  200  200   200  404
GET    storage/records/{record}/versions/{revision} 401 200 200 200 200 404
POST   storage/records/{record}/versions/{revision}/restore 401 402 200 200 200 404
GET    storage/trash                    401    200  200  200   200  .
GET    storage/settings                 401    200  200  200   200  .
PUT    storage/settings                 401    200  200  200   200  .
GET    storage/changes                  401    200  200  200   200  .
POST   storage/uploads                  401    402  201  201   201  .
PATCH  storage/uploads/{upload}         401    204  204  204   204  404
DELETE storage/uploads/{upload}         401    204  204  204   204  404
GET    storage/quota                    401    200  200  200   200  .
DELETE storage/vectors                  401    200  200  200   200  .
POST   storage/vectors/upsert           401    402  200  200   200  .
POST   storage/vectors/search           401    200  200  200   200  .

GET    backup                           401    200  200  200   200  .
PUT    backup                           401    402  201  201   201  .
GET    backup/history                   401    200  200  200   200  .
GET    backup/policy                    401    200  200  200   200  .
PUT    backup/policy                    401    200  200  200   200  .
GET    backup/{backup}                  401    200  200  200   200  404
DELETE backup/{backup}                  401    204  204  204   204  404

GET    plugins                          401    403  403  200   200  .
POST   plugins                          401    201  201  201   201  .
GET    plugins/mine                     401    200  200  200   200  .
GET    plugins/earnings                 401    200  200  200   200  .
GET    plugins/onboarding               401    200  200  200   200  .
POST   plugins/onboarding               401    200  200  200   200  .
GET    plugins/installed                401    200  200  200   200  .
GET    plugins/purchases                401    200  200  200   200  .
GET    plugins/{plugin}                 401    403  403  200   200  200
GET    plugins/{plugin}/package         401    403  403  200   200  403
POST   plugins/{plugin}/install         401    403  403  200   200  201
DELETE plugins/{plugin}/install         401    204  204  204   204  404
PUT    plugins/{plugin}/rating          401    403  403  200   200  403
POST   plugins/{plugin}/reports         401    202  202  202   202  202
POST   plugins/{own_plugin}/versions/{version}/withdraw 401 200 200 200 200 404
POST   plugins/{own_plugin}/versions/{version}/messages 401 201 201 201 201 404

POST   chat                             401    200  200  200   200  .
GET    chat/usage                       401    200  200  200   200  .
GET    chat/models                      401    200  200  200   200  .
POST   chat/providers/test              401    403  400  400   400  .
GET    plans/playbook                   401    200  200  200   200  .
GET    plans/playbook/{plan}            401    200  200  200   200  404
GET    plans/templates                  401    200  200  200   200  .
POST   plans/templates/{template}/run   401    200  200  200   200  200

POST   organizations                    401    403  403  403   201  .
GET    organizations/current            401    404  404  404   404  .
PATCH  organizations/{organization}     401    200  200  200   200  404
DELETE organizations/{organization}     401    204  204  204   204  404
GET    organizations/{organization}/members 401 200 200  200   200  404
PATCH  organizations/{organization}/members/{member} 401 200 200 200 200 404
DELETE organizations/{organization}/members/{member} 401 204 204 204 204 404
GET    organizations/{organization}/invitations 401 200 200 200 200 404
POST   organizations/{organization}/invitations 401 403 403 403 201 404
DELETE organizations/{organization}/invitations/{invitation} 401 204 204 204 204 404
POST   invitations/accept               401    200  200  200   200  .
POST   organizations/{organization}/sso/break-glass 401 200 200 200 200 404
GET    organizations/{organization}/sso 401    200  200  200   200  404
PUT    organizations/{organization}/sso 401    403  403  403   400  404
DELETE organizations/{organization}/sso 401    204  204  204   204  404
GET    organizations/{organization}/audit 401  200  200  200   200  404

GET    batches/schema                   401    200  200  200   200  .
POST   batches/build                    401    403  200  200   200  .
"""
PLACEHOLDERS = {
    "pk": "",
    "slug": "",
    "version": "version",
    "plan_id": "plan",
    "template_id": "template",
    "kind": "kind",
    "ref": "ref",
    "revision": "revision",
    "domain": "domain",
    "user_id": "member",
    "invitation_id": "invitation",
    "token_id": "scim_token",
}
OF_A_PATH = {
    "auth/sessions/": "session",
    "auth/sso/callback/": "organization",
    "auth/factors/": "factor",
    "keys/requests/": "key_request",
    "storage/records/": "record",
    "storage/uploads/": "upload",
    "backup/": "backup",
    "batches/runs/": "run",
    "batches/": "batch",
    "organizations/": "organization",
    "plugins/<str:slug>/versions/": "own_plugin",
    "plugins/": "plugin",
}
# Refused as ``email_not_verified`` to whoever has not shown to read their mail.
FOR_VERIFIED_ADDRESSES = {
    *("POST plugins", "POST plugins/onboarding", "POST plugins/{plugin}/reports"),
    *("POST organizations", "POST organizations/{organization}/invitations"),
}


class Row(NamedTuple):
    method: str
    path: str
    nobody: int
    by_tier: dict[str, int]
    stranger: int | None

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def kinds(self) -> set[str]:
        return set(re.findall(r"{(\w+)}", self.path))


def rows() -> Iterator[Row]:
    lines = [line.split() for line in TABLE.splitlines() if line]
    for method, path, nobody, free, pro, power, team, stranger in lines[1:]:
        by_tier = {"free": int(free), "pro": int(pro), "power": int(power), "team": int(team)}
        yield Row(method, path, int(nobody), by_tier, None if stranger == "." else int(stranger))


ROWS = list(rows())


def routes(patterns: Any = urls.api, prefix: str = "") -> Iterator[str]:
    """Every path of the URLconf, with the table's names for what it takes."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        else:
            assert isinstance(pattern, URLPattern)
            kind = next((kind for beginning, kind in OF_A_PATH.items() if path.startswith(beginning)), "")
            for taken, own in PLACEHOLDERS.items():
                path = re.sub(rf"<\w+:{taken}>", f"{{{own or kind}}}", path)
            yield path


@pytest.fixture(autouse=True)
def _surroundings(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Blobs of this test's own; a webhook that could be signed."""
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.STRIPE_WEBHOOK_SECRET = "whsec_0123456789abcdef"
    get_blob_store.cache_clear()
    yield
    get_blob_store.cache_clear()


def send(row: Row, account: Account, ids: dict[str, str], **headers: str) -> int:
    request = request_for(row.operation, account)
    path = row.path.format(**ids) + QUERIES.get(row.operation, "")
    answer = ApiClient().request(row.method, path, **request | {"headers": headers | request.get("headers", {})})
    return answer.status


@pytest.mark.django_db
@pytest.mark.parametrize("path", sorted(set(routes())))
def test_a_route_serves_the_methods_of_the_table_and_no_other(path: str) -> None:
    expected = {row.method for row in ROWS if row.path == path}
    assert expected, f"{path} is not in the table: say who may call it"
    token = make_account(tier="team").access_token
    concrete = re.sub(r"{(\w+)}", "00000000-0000-4000-8000-000000000000", path)
    concrete = concrete.replace("templates/00000000-0000-4000-8000-000000000000", "templates/tpl_task_agent_default")
    refused = ApiClient().request("OPTIONS", concrete, token=token)
    assert refused.status == (204 if path.startswith("storage/uploads") else 405)  # tus tells anybody what it can do
    assert set(refused.headers["Allow"].split(", ")) - {"HEAD"} == expected
    for method in set(METHODS) - expected:
        assert ApiClient().request(method, concrete, token=token).status == 405


def test_the_table_names_no_route_that_is_gone() -> None:
    assert {row.path for row in ROWS} == set(routes())


def test_the_only_websockets_are_those_of_the_contract() -> None:
    """Who may open one is in tests/chat/ws/test_socket_auth.py; the last entry refuses every path."""
    assert [str(route.pattern) for route in sockets] == ["api/v1/chat/stream", "api/v1/sync", ""]


@pytest.fixture
def plugin(request: pytest.FixtureRequest) -> str:
    row: Row = request.getfixturevalue("row")
    if row.path in {"chat", "plans/templates/{template}/run", "batches/build"}:
        agents.llm.factory.preload()  # seconds, which the first turn would have to wait for
    return published_plugin() if "plugin" in row.kinds else ""


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.operation)


@pytest.mark.slow
@in_transactions
@each_row
def test_nobody(row: Row, plugin: str) -> None:
    owner = Owner("team", plugin=plugin)
    ids = owner.own(row.kinds)
    answers = {kind: send(row, owner.account, ids, **headers) for kind, headers in outsiders()}
    assert answers == dict.fromkeys(answers, row.nobody)


@pytest.mark.slow
@in_transactions
@each_row
def test_a_member_for_what_is_their_own(row: Row, plugin: str) -> None:
    answers: dict[bool, dict[str, int]] = {False: {}, True: {}}
    for is_staff, answered in answers.items():
        for tier in row.by_tier:
            owner = Owner(tier, plugin=plugin, is_staff=is_staff)
            ids = owner.own(row.kinds)
            answered[tier] = send(row, owner.account, ids, Authorization=f"Bearer {owner.account.access_token}")
    assert answers[False] == row.by_tier
    assert answers[True] == row.by_tier, "a superuser is no more than their tier"


@pytest.mark.slow
@in_transactions
@pytest.mark.parametrize("row", [row for row in ROWS if row.method != "GET"], ids=lambda row: row.operation)
def test_a_member_whose_address_is_not_verified(row: Row, plugin: str) -> None:
    owner = Owner("team", plugin=plugin)
    ids = owner.own(row.kinds)
    User.objects.filter(id=owner.account.user.id).update(email_verified_at=None)
    status = send(row, owner.account, ids, Authorization=f"Bearer {owner.account.access_token}")
    assert status == (403 if row.operation in FOR_VERIFIED_ADDRESSES else row.by_tier["team"])


@pytest.mark.slow
@in_transactions
@pytest.mark.parametrize("row", [row for row in ROWS if row.stranger is not None], ids=lambda row: row.operation)
def test_a_stranger_for_what_is_somebody_elses(row: Row, plugin: str) -> None:
    owner, stranger = Owner("team", plugin=plugin), make_account(tier="team")
    ids = owner.own(row.kinds)
    assert send(row, stranger, ids, Authorization=f"Bearer {stranger.access_token}") == row.stranger
