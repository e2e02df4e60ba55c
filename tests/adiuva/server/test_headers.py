"""The headers every answer carries: its id, CORS, security, length and caching."""

import re
from collections.abc import Callable

import pytest

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

ORIGINS = ["app://.", "http://localhost:3000", "http://localhost:5173"]
FOREIGN = [
    *("https://evil.example", "http://localhost:3001", "https://localhost:3000", "http://localhost:3000.evil.example"),
    *("null", "app://", "app://x", "", "http://LOCALHOST:3000/", "nonsense"),
]
EXPOSED = {
    *("X-Checksum", "ETag", "X-Request-ID", "X-Backup-Version", "X-Backup-Timestamp", "X-Backup-Checksum"),
    *("X-Backup-Chunk-Count", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"),
    *("Date", "Location", "Content-Location", "Content-Range", "Accept-Ranges", "Content-Disposition"),
    *("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Expires"),
    *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
}


def one_of_each_kind(api: ApiClient) -> list[Answer]:
    """Answers from a view, a refusal inside one, the router, and a parser."""
    return [
        api.get("health"),
        api.get("auth/me"),
        api.get("nowhere"),
        api.post("auth/login", body="{"),
        api.put("health"),
    ]


# --- X-Request-ID ----------------------------------------------------------------------------------------------


def test_every_answer_has_an_id_of_its_own(api: ApiClient) -> None:
    ids = [answer.headers["X-Request-ID"] for answer in one_of_each_kind(api) + one_of_each_kind(api)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{32}", own_id) for own_id in ids)


@pytest.mark.parametrize("own_id", ["a", "abc-123", "A.b_c-9", "7d1f6c0e-3a52-4b8e-9c41-5f0e2d6b8a97", "x" * 128])
def test_a_sane_id_of_the_client_is_kept(api: ApiClient, own_id: str) -> None:
    for path in ("health", "nowhere", "auth/me"):
        answer = api.get(path, headers={"X-Request-ID": own_id})
        assert answer.headers["X-Request-ID"] == own_id
        assert path == "health" or answer.json["request_id"] == own_id


@pytest.mark.parametrize(
    "own_id", ["", " ", "a b", "x" * 129, "-a", "a/b", '"a"', "a\tb", "<script>", "\xe9", "a;b", "a,b"]
)
def test_an_id_that_is_not_sane_is_replaced(server: RunningServer, own_id: str) -> None:
    answer = exchange(server, head("GET /api/v1/nowhere", f"X-Request-ID: {own_id}"))
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.code == "not_found"


# --- CORS ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_ours_may_read_every_answer_and_the_named_headers(api: ApiClient, origin: str) -> None:
    for path in ("health", "auth/me", "nowhere"):
        answer = api.get(path, headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        exposed = {name.strip() for name in answer.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed == EXPOSED
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.parametrize("origin", FOREIGN)
def test_no_other_page_may_read_anything(api: ApiClient, origin: str) -> None:
    for path in ("health", "auth/me", "nowhere"):
        answer = api.get(path, headers={"Origin": origin})
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "Access-Control-Allow-Origin" not in preflight(api, "chat", origin, "POST").headers


def preflight(api: ApiClient, path: str, origin: str, method: str, headers: str = "authorization") -> Answer:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return api.request("OPTIONS", path, headers={"Origin": origin, **asked})


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_is_answered_without_a_token(api: ApiClient, origin: str, method: str) -> None:
    asked = (
        "authorization, content-type, x-request-id, idempotency-key, range, x-checksum, x-backup-version, if-match, "
        "if-none-match, if-modified-since, if-unmodified-since, if-range"
    )
    answer = preflight(api, "auth/me", origin, method, asked)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert method in answer.headers["Access-Control-Allow-Methods"]
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert {name.strip() for name in asked.split(",")} <= allowed
    assert answer.content == b""


def test_pages_outside_the_api_have_no_cors(api: ApiClient) -> None:
    for path in ("/admin/login/", "/docs", "/nowhere"):
        assert "Access-Control-Allow-Origin" not in api.get(path, headers={"Origin": ORIGINS[0]}).headers


# --- security, length, caching ---------------------------------------------------------------------------------


def test_every_answer_has_the_security_headers(api: ApiClient) -> None:
    for answer in [*one_of_each_kind(api), api.get("/admin/login/"), api.get("/nowhere")]:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_no_answer_says_what_serves_it(server: RunningServer) -> None:
    for path in ("/api/v1/health", "/api/v1/nowhere", "/nowhere", "/static/nowhere"):
        headers = exchange(server, head(f"GET {path}")).headers
        assert not {"server", "x-powered-by", "via"} & {name.lower() for name in headers}


def test_https_is_remembered_in_production(api: ApiClient, settings: pytest.FixtureRequest) -> None:
    assert "Strict-Transport-Security" not in api.get("health", secure=True).headers
    settings.SECURE_HSTS_SECONDS = 31_536_000  # type: ignore[attr-defined]
    assert api.get("health", secure=True).headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in api.get("health").headers


def test_every_answer_names_its_length(api: ApiClient) -> None:
    for answer in one_of_each_kind(api):
        assert answer.headers["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/auth/me", "/api/v1/nowhere", "/api/v1/chat"])
def test_head_is_get_without_a_body(server: RunningServer, path: str) -> None:
    got = exchange(server, head(f"GET {path}"))
    answer = exchange(server, head(f"HEAD {path}"), method="HEAD")
    assert (answer.status, answer.body) == (got.status, b"")
    assert int(answer.headers["Content-Length"]) == len(got.body)
    assert answer.headers["Content-Type"] == got.headers["Content-Type"]


def test_a_204_has_no_body_and_no_type_of_one(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    answer = api.post("auth/logout", json={"refresh_token": account.refresh_token}, token=account.access_token)
    assert (answer.status, answer.content) == (204, b"")


def test_private_answers_and_tokens_are_never_stored(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    credentials = {"email": account.email, "password": account.password}
    private = [
        api.get("auth/me", token=account.access_token),
        api.get("auth/me"),
        api.get("auth/sessions", token=account.access_token),
        api.delete("auth/sessions/00000000-0000-4000-8000-000000000000", token=account.access_token),
        api.post("auth/ws-ticket", token=account.access_token),
        api.post("auth/login", json=credentials),
        api.post("auth/login", json=credentials | {"password": "wrong password"}),
        api.post("auth/register", json={"email": "new@example.com", "password": account.password}),
    ]
    for answer in private:
        assert answer.headers["Cache-Control"] == "no-store", answer
    assert "Cache-Control" not in api.get("health").headers
