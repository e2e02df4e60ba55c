"""Routes, methods, hosts and media types that are not served, and in which order a request is refused."""

from collections.abc import Callable

import pytest

from tests.adiuva.members import Member
from tests.adiuva.routes import routes
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.raw_http import JSON, exchange, head, post
from tests.support.server import RunningServer

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"}


@pytest.mark.parametrize("path", sorted(routes()))
def test_another_method_is_405_with_the_allowed_ones(api: ApiClient, make_user: MakeUser, path: str) -> None:
    token = make_user(tier="team").access_token
    refused = api.request("TRACE", path, token=token)
    assert (refused.status, refused.code) == (405, "method_not_allowed")
    allowed = refused.headers["Allow"].split(", ")
    assert set(allowed) < METHODS
    speaks_tus = path.startswith("storage/uploads")  # there OPTIONS tells what it can do, and HEAD how far it is
    assert ("HEAD" in allowed) == ("GET" in allowed) or speaks_tus
    for method in sorted(METHODS.difference(allowed, {"OPTIONS"} if speaks_tus else ())):
        answer = api.request(method, path, token=token, body="{}")
        assert answer.status == 405, (method, answer)
        assert answer.headers["Allow"].split(", ") == allowed
        assert method == "HEAD" or answer.code == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        *("nothing", "auth/me/", "chat/", "health/", "", "auth", "AUTH/ME", "auth//me"),
        *("auth/sessions/a/b", "health%0d%0aX-A:%20b", "%e2%82%ac", "%f0%9f%98%80", "../health"),
        *("/api/", "/api/v2/health", "/api/v1"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_that_is_no_route_is_404(api: ApiClient, path: str, method: str) -> None:
    answer = api.request(method, path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert "Location" not in answer.headers


@pytest.mark.parametrize("session", ["not-a-uuid", "%ff", "%00", "00000000-0000-4000-8000-00000000000g", "x" * 5000])
def test_an_id_that_is_none_is_404_for_whom_there_could_be_one(
    api: ApiClient, make_user: MakeUser, session: str
) -> None:
    assert api.delete(f"auth/sessions/{session}", token=make_user().access_token).code == "not_found"
    assert api.delete(f"auth/sessions/{session}").code == "not_authenticated"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", "a b", "localhost:port", "[::1", "a_b.example", "localhost@evil", "xn--\xe9", "a" * 300],
)
@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/auth/me", "/api/v1/nowhere"])
def test_a_host_that_is_not_ours_is_400(server: RunningServer, path: str, host: str) -> None:
    answer = exchange(server, head(f"GET {path}", "Origin: http://localhost:3000", host=host))
    assert (answer.status, answer.code) == (400, "validation_error")


def test_no_host_or_two_of_them_are_400(server: RunningServer) -> None:
    assert exchange(server, head("GET /api/v1/health", host=None)).code == "validation_error"
    assert exchange(server, head("GET /api/v1/health", "Host: localhost")).code == "validation_error"
    assert exchange(server, head("GET /admin/login/", host="evil.example")).status == 400


def test_http_1_0_needs_no_host(server: RunningServer) -> None:
    assert exchange(server, b"GET /api/v1/health HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:8000", "[::1]:80"])
def test_loopback_is_always_ours(server: RunningServer, host: str) -> None:
    assert exchange(server, head("GET /api/v1/health", host=host)).status == 200


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml, text/*;q=0.5", "application/jsonp", "json", "image/*"]
)
def test_an_accept_without_json_is_406(api: ApiClient, make_user: MakeUser, accept: str) -> None:
    token = make_user().access_token
    for path, caller in (("health", None), ("auth/me", token)):
        answer = api.get(path, token=caller, headers={"Accept": accept})
        assert (answer.status, answer.code) == (406, "not_acceptable")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "", ", ,", "text/html, application/json;q=0.1", "Application/JSON"]
)
def test_an_accept_with_room_for_json_gets_it(api: ApiClient, accept: str) -> None:
    answer = api.get("health", headers={"Accept": accept})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-3"},
        {"If-None-Match": "*"},
        {"If-Match": '"x"'},
        {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"Accept-Encoding": "identity;q=0", "Accept-Language": "xx", "Accept-Charset": "latin-1"},
        {"Cookie": "sessionid=x; csrftoken=y"},
    ],
)
def test_headers_without_a_meaning_here_are_ignored(api: ApiClient, headers: dict[str, str]) -> None:
    assert api.get("health", headers=headers).json == api.get("health").json


def test_a_format_in_the_query_changes_nothing(api: ApiClient) -> None:
    assert api.get("health?format=api&_method=DELETE&a[]=1;b&%ff=%00").json == api.get("health").json


def test_nobody_is_401_whatever_else_is_wrong(server: RunningServer) -> None:
    for line in ("PUT /api/v1/auth/me", "POST /api/v1/chat", "OPTIONS /api/v1/auth/sessions", "GET /api/v1/chat"):
        answer = exchange(server, head(line, "Accept: text/html", "Content-Type: text/x", "Content-Length: 1") + b"{")
        assert (answer.status, answer.code) == (401, "not_authenticated"), line
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="adiuva"'


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer a b c", "Basic YTpi", "bearer x", "Bearer \xff\xfe", "x" * 9000]
)
def test_an_authorization_that_is_no_access_token_is_401(server: RunningServer, value: str) -> None:
    answer = exchange(server, head("GET /api/v1/auth/me", f"Authorization: {value}"))
    assert answer.status == 401
    assert answer.code in {"not_authenticated", "invalid_token"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_two_authorizations_are_none(server: RunningServer, member: Member) -> None:
    answer = exchange(server, head("GET /api/v1/auth/me", member.bearer, "Authorization: Bearer x"))
    assert (answer.status, answer.code) == (401, "invalid_token")


def test_a_public_route_looks_at_no_token(api: ApiClient) -> None:
    assert api.get("health", token="nonsense").status == 200
    assert api.get("billing/tiers", token="nonsense").status == 200


def test_the_order_is_401_then_429_then_404_then_the_body(api: ApiClient, make_user: MakeUser) -> None:
    token = make_user(tier="free").access_token
    unknown = "auth/sessions/00000000-0000-4000-8000-000000000000"
    for _ in range(20):
        assert api.delete(unknown, token=token, body="{not json").code == "not_found"
    template = "plans/templates/nothing/run"  # its 404 comes from the view's permissions
    assert api.post(template, token=make_user().access_token, body="{not json").code == "not_found"
    for method, path in (("DELETE", unknown), ("DELETE", "auth/me"), ("POST", template)):
        refused = api.request(method, path, token=token, body="{not json", headers={"Accept": "text/html"})
        assert (refused.status, refused.code) == (429, "rate_limited")
    assert api.delete(unknown, token="nonsense").code == "invalid_token"


def test_a_body_is_looked_at_last(server: RunningServer, member: Member) -> None:
    wrong = ("Accept: text/html", "Content-Type: text/plain", member.bearer)
    assert post(server, "/api/v1/chat", b"{", *wrong).code == "not_acceptable"
    assert post(server, "/api/v1/chat", b"{", *wrong[1:]).code == "unsupported_media_type"
    assert post(server, "/api/v1/chat", b"{", JSON, member.bearer).code == "validation_error"
