"""SCIM on the wire: who may ask, lists, filters, media types, and errors in one shape (RFC 7644)."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest

from accounts.organizations.models import ScimToken
from accounts.organizations.scim import authentication
from tests.accounts.organizations.scim.directory import SCIM, USER, Directory, make_directory, refusal
from tests.support.accounts import make_account
from tests.support.organizations import join
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer

pytestmark = pytest.mark.django_db
ROUTES = ["Users", "Users/x", "ServiceProviderConfig", "ResourceTypes", "ResourceTypes/User", "Schemas"]


def found(directory: Directory, query: str) -> list[str]:
    answer = directory.ask("GET", f"Users?{query}")
    assert answer.status == 200, answer
    return [user["userName"] for user in answer.json["Resources"]]


# --- who asks -------------------------------------------------------------------------------------------------


def test_without_a_token_of_the_organisation_everything_is_401(directory: Directory) -> None:
    other = make_directory(domain="other.example")
    tokens = ["", "x", "scim_" + "A" * 43, other.token, directory.owner.access_token, "\xe9"]

    for path, token in zip(ROUTES, tokens, strict=True):
        refused = directory.ask("GET", path, token=token)
        assert refusal(refused) == (401, None)
        assert refused.headers["WWW-Authenticate"].startswith('Bearer realm="scim"')
    bare = directory.api.get(f"/scim/v2/{directory.organization.id}/Users")
    assert (refusal(bare), bare.headers["WWW-Authenticate"]) == ((401, None), 'Bearer realm="scim"')


def test_a_token_is_good_for_its_own_organisation_alone(directory: Directory) -> None:
    other = make_directory(domain="other.example")

    for organization_id in (other.organization.id, uuid4(), "x", "%00"):
        answer = directory.api.get(f"/scim/v2/{organization_id}/Users", token=directory.token)
        assert refusal(answer) == (401, None)


def test_a_scim_token_opens_nothing_of_the_api(directory: Directory) -> None:
    assert directory.api.get("organizations/current", token=directory.token).status in {401, 404}
    assert directory.api.get("auth/me", token=directory.token).code == "invalid_token"


def test_a_revoked_token_ends_at_once(directory: Directory) -> None:
    ScimToken.objects.all().delete()

    assert refusal(directory.ask("GET", "Users")) == (401, None)


def test_the_last_use_is_noted_once_a_minute(directory: Directory) -> None:
    assert directory.ask("GET", "Users").status == 200
    first = ScimToken.objects.get().last_used_at
    assert first is not None
    directory.ask("GET", "Users")
    assert ScimToken.objects.get().last_used_at == first

    ScimToken.objects.update(last_used_at=datetime.now(UTC) - timedelta(seconds=61))
    directory.ask("GET", "Users")
    assert (ScimToken.objects.get().last_used_at or first) > datetime.now(UTC) - timedelta(seconds=60)


def test_a_token_has_a_limit_of_its_own(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "REQUESTS_PER_MINUTE", 2)
    other = make_directory(domain="other.example")

    answers = [directory.ask("GET", "Users") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert refusal(answers[-1]) == (429, None)
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    assert answers[0].headers["RateLimit-Limit"] == "2"
    assert other.ask("GET", "Users").status == 200


# --- errors ---------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_404(directory: Directory) -> None:
    for path in ("Groups", "Bulk", "Me", "Users/a/b", "users", "Schemas/x", "ResourceTypes/Group", "Users/%00"):
        assert refusal(directory.ask("GET", path)) == (404, None), path


def test_outside_of_an_organisation_there_is_nothing(directory: Directory) -> None:
    for path in ("/scim/", "/scim/v2", "/scim/v1/x/Users", "/scim/v2/x"):
        assert refusal(directory.api.get(path)) == (404, None)


def test_another_method_is_405(directory: Directory) -> None:
    allowed = {
        "PUT Users": "GET, HEAD, POST",
        "OPTIONS Users": "GET, HEAD, POST",
        "POST Users/x": "DELETE, GET, HEAD, PATCH, PUT",
        "GET .search": "POST",
        **{f"{method} {path}": "GET, HEAD" for method in ("POST", "DELETE") for path in ROUTES[2:]},
    }

    for request, expected in allowed.items():
        method, _, path = request.partition(" ")
        refused = directory.ask(method, path, "{}")
        assert refusal(refused) == (405, None)
        assert sorted(refused.headers["Allow"].split(", ")) == expected.split(", ")


def test_a_body_that_is_no_object_is_400(directory: Directory) -> None:
    for body in ("{", "[]", '"x"', '{"userName": "\\ud800"}', b"\xff", '{"a":' * 70 + "1" + "}" * 70):
        assert refusal(directory.ask("POST", "Users", body)) == (400, "invalidSyntax")
    assert refusal(directory.ask("POST", "Users", "")) == (400, "invalidValue")


def test_a_body_of_another_type_is_415(directory: Directory) -> None:
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "*/*", ""]:
        assert refusal(directory.ask("POST", "Users", "{}", content_type=content_type)) == (415, None)


def test_json_by_its_plain_name_is_taken_and_given(directory: Directory) -> None:
    created = directory.ask(
        "POST", "Users", {"userName": "a@acme.example"}, content_type="application/json",
        headers={"Accept": "application/json"},
    )  # fmt: skip

    assert (created.status, created.headers["Content-Type"]) == (201, "application/json")
    assert directory.ask("GET", "Users", headers={"Accept": "*/*"}).headers["Content-Type"] == SCIM
    assert refusal(directory.ask("GET", "Users", headers={"Accept": "text/html"})) == (406, None)


def test_a_body_that_is_too_large_is_413_after_the_token(server: RunningServer) -> None:
    """On the wire; nothing of it is in the database that this test sees."""
    path = f"/scim/v2/{uuid4()}/Users"
    refused = exchange(server, head(f"POST {path}", "Content-Type: application/json", "Content-Length: 300000"))

    assert refused.status == 401
    assert json.loads(refused.body)["schemas"]


def test_a_host_that_is_not_ours_is_told_in_scim_too(server: RunningServer) -> None:
    refused = exchange(server, head("GET /scim/v2/x/Users", host="evil.example"))

    assert (refused.status, json.loads(refused.body)["scimType"]) == (400, "invalidSyntax")


# --- lists ----------------------------------------------------------------------------------------------------


def test_a_list_is_paged_by_start_and_count(directory: Directory) -> None:
    for _ in range(4):
        directory.make()
    everybody = found(directory, "")
    assert len(everybody) == 5

    def page(query: str) -> tuple[list[str], int, int, int]:
        listed = directory.ask("GET", f"Users?{query}").json
        names = [user["userName"] for user in listed["Resources"]]
        return names, listed["totalResults"], listed["startIndex"], listed["itemsPerPage"]

    assert page("startIndex=2&count=2") == (everybody[1:3], 5, 2, 2)
    assert page("startIndex=5&count=2") == (everybody[4:], 5, 5, 1)
    assert page("startIndex=6") == ([], 5, 6, 0)
    assert page("startIndex=-3&count=1") == (everybody[:1], 5, 1, 1)
    assert page("count=0") == ([], 5, 1, 0)
    assert page("count=-1") == ([], 5, 1, 0)
    assert page("count=100000") == (everybody, 5, 1, 5)


def test_a_page_that_is_no_number_is_400(directory: Directory) -> None:
    for query in ("startIndex=x", "count=1.5", "count="):
        assert refusal(directory.ask("GET", f"Users?{query}")) == (400, "invalidValue")


def test_users_are_found_by_user_name_in_any_case_and_by_external_id_in_this(directory: Directory) -> None:
    user = directory.make(userName="Ada.U@Acme.example", externalId='a"b\\c')
    directory.make()

    for query in (
        'userName eq "ada.u@acme.EXAMPLE"',
        'USERNAME EQ "ADA.\\u0055@acme.example"',
        f'{USER}:userName eq "Ada.U@Acme.example"',
        'externalId eq "a\\"b\\\\c"',
        '  externalid  Eq  "a\\u0022b\\\\c" ',
    ):
        assert found(directory, f"filter={quote(query)}") == [user["userName"]], query
    assert found(directory, f"filter={quote(f'userName eq {json.dumps(directory.owner.email)}')}") == [
        directory.owner.email
    ]
    for nobody in ('externalId eq "A\\"b\\\\c"', 'externalId eq ""', 'userName eq ""', 'userName eq "%"'):
        assert found(directory, f"filter={quote(nobody)}") == []


@pytest.mark.parametrize("spelling", ["Zoë@MÜNCHEN.example", "ZOË@münchen.example", "zoë@xn--mnchen-3ya.example"])
def test_who_came_by_themselves_is_found_in_each_spelling_of_their_address(directory: Directory, spelling: str) -> None:
    """A directory that did not find them would create them, and be told for ever that they are there."""
    member = join(directory.organization, make_account(email="zoë@münchen.example"))
    assert found(directory, f"filter={quote(f'userName eq {json.dumps(spelling)}')}") == [member.email]
    assert refusal(directory.create(userName=spelling))[0] in {400, 409}


def test_any_other_filter_is_400(directory: Directory) -> None:
    for text in ("", 'userName co "x"', 'userName eq "x" and active eq "y"'):
        assert refusal(directory.ask("GET", f"Users?filter={quote(text)}")) == (400, "invalidFilter")


def test_a_search_by_post_is_the_same_list(directory: Directory) -> None:
    user = directory.make()
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": f'userName eq "{user["userName"]}"',
        "attributes": ["userName"],
        "startIndex": 1,
        "count": 10,
    }

    for path in (".search", "Users/.search"):
        listed = directory.ask("POST", path, body).json
        assert listed["Resources"] == [{name: user[name] for name in ("schemas", "id", "userName")}]
    assert refusal(directory.ask("POST", ".search", {"filter": 7})) == (400, "invalidFilter")
    assert refusal(directory.ask("POST", ".search", {"count": True})) == (400, "invalidValue")
    assert refusal(directory.ask("POST", ".search", {"attributes": 7})) == (400, "invalidValue")


def test_attributes_are_chosen_or_left_out(directory: Directory) -> None:
    user = directory.make(externalId="x")

    def names(query: str) -> set[str]:
        return set(directory.ask("GET", f"Users/{user['id']}?{query}").json)

    assert names(f"attributes=USERNAME,meta.location,{USER}:active") == {"schemas", "id", "userName", "meta", "active"}
    assert names("excludedAttributes=active,id,groups") == {"schemas", "id", "userName", "meta", "externalId"}
    both = directory.ask("GET", f"Users/{user['id']}?attributes=active&excludedAttributes=meta")
    assert refusal(both) == (400, "invalidValue")


# --- what can be asked for ------------------------------------------------------------------------------------


def test_the_service_tells_what_it_can_do(directory: Directory) -> None:
    config = directory.ask("GET", "ServiceProviderConfig").json
    (kind,) = directory.ask("GET", "ResourceTypes").json["Resources"]
    (schema,) = directory.ask("GET", "Schemas").json["Resources"]

    assert [
        name for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag") if config[name]["supported"]
    ] == [
        "patch",
        "filter",
    ]
    assert (kind["endpoint"], kind["schema"]) == ("/Users", USER)
    assert directory.ask("GET", "ResourceTypes/User").json == kind
    assert directory.ask("GET", f"Schemas/{USER}").json == schema
    assert [attribute["name"] for attribute in schema["attributes"]] == ["userName", "active"]
    for path in ("ServiceProviderConfig", "ResourceTypes", "Schemas"):
        assert refusal(directory.ask("GET", f"{path}?filter=x")) == (403, None)


@pytest.mark.parametrize("path", ["Users", "Schemas", ".search"])
def test_a_slash_at_the_end_is_no_other_place(directory: Directory, path: str) -> None:
    method = "POST" if path == ".search" else "GET"

    assert directory.ask(method, f"{path}/", "{}").json == directory.ask(method, path, "{}").json


def test_answers_carry_a_request_id_and_are_kept_by_nobody(directory: Directory) -> None:
    answer = directory.ask("GET", "Users", headers={"X-Request-ID": "abc"})

    assert answer.headers["X-Request-ID"] == "abc"
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("600", "599")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_log_names_the_route_and_nobody(directory: Directory, caplog: pytest.LogCaptureFixture) -> None:
    directory.ask("GET", 'Users?filter=userName eq "somebody@acme.example"')

    (line,) = [record for record in caplog.records if record.name == "adiuva.access"]
    told = vars(line)["details"]
    assert (told["route"], told["user"]) == ("/scim/v2/<str:organization_id>/Users", None)
    assert "somebody" not in line.getMessage()
