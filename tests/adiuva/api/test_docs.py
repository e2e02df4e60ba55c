"""The OpenAPI document and its page: for developers, whole, and without a foot outside this server."""

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from adiuva import __version__
from tests.adiuva.members import Member
from tests.adiuva.routes import UUID, WORD, WORDS, routes
from tests.support.client import ApiClient
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer

PUBLIC = {
    *("getHealth", "getReadiness", "listTiers", "stripeWebhook", "register", "prelogin", "login", "refreshTokens"),
    *("answerSecondFactor", "logInWithPasskey", "logInWithPasskeyForApp", "redeemCode", "discoverSso"),
    "endSessionsAtProvider",
    *("createPasskeyOptionsForTicket", "createPasskeyForTicket"),
    *("startSso", "finishSso", "finishOwnSso"),
    *("verifyEmail", "requestPasswordReset", "resetPassword"),
}
OPERATIONS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema(server: RunningServer) -> Any:
    answer = httpx.get(f"{server.url}/openapi.json", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def operations(schema: Any) -> dict[str, Any]:
    return {
        f"{method} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in OPERATIONS
    }


@pytest.mark.thorough
def test_it_is_a_valid_openapi_3_1_document_of_this_version(schema: Any) -> None:
    OpenAPIV31SpecValidator(schema).validate()
    assert schema["openapi"].startswith("3.1.")
    assert schema["info"]["version"] == __version__


@pytest.mark.thorough
def test_it_is_made_without_a_warning(server: RunningServer, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    server.manage("spectacular", "--fail-on-warn", "--validate", "--format", "openapi-json", "--file", str(file))
    assert json.loads(file.read_text())["paths"]


def test_it_names_every_route_with_its_methods(schema: Any, server: RunningServer, member: Member) -> None:
    described = {path.removeprefix("/api/v1/"): set(item) & OPERATIONS for path, item in schema["paths"].items()}
    assert described.pop("chat/stream") == described.pop("sync") == {"get"}
    left = dict(described)
    for path in routes():
        (name,) = [name for name in left if matches(name, path)]
        answer = exchange(server, head(f"OPTIONS /api/v1/{path}", member.bearer))
        allowed = {method.lower() for method in answer.headers["Allow"].split(", ")}
        assert left.pop(name) == allowed - {"head"}
    assert not left


def matches(described: str, path: str) -> bool:
    parts = described.split("/"), path.split("/")
    return len(parts[0]) == len(parts[1]) and all(
        theirs in {UUID, WORD, *WORDS.values()} if ours.startswith("{") else ours == theirs
        for ours, theirs in zip(*parts, strict=True)
    )


def test_a_route_that_needs_a_token_says_so_and_says_401_and_429(schema: Any) -> None:
    for name, operation in operations(schema).items():
        if "x-websocket" in operation:
            continue
        if operation["operationId"] in PUBLIC:
            assert operation.get("security", []) in ([], [{}]), name
        elif operation["operationId"] == "createPasskeyLoginOptions":  # for a login, or for who is logged in
            assert operation["security"] == [{}, {"accessToken": []}], name
        else:
            assert operation["security"] == [{"accessToken": []}], name
            assert {"401", "429"} <= operation["responses"].keys(), name


def test_a_route_without_a_token_does_not_say_that_it_could_be_missing(schema: Any) -> None:
    health = schema["paths"]["/api/v1/health"]["get"]
    assert set(health["responses"]) == {"200", "400", "406", "500"}


def test_every_error_is_a_problem_document(schema: Any) -> None:
    for name, operation in operations(schema).items():
        for status, named in operation["responses"].items():
            response = schema["components"]["responses"][named["$ref"].rpartition("/")[2]] if "$ref" in named else named
            if status[0] in "45" and not name.endswith("/health/ready"):
                # Who stands in a browser there reads the same in words.
                pages = {"text/html"} if "/auth/sso/start" in name or "/auth/sso/callback" in name else set()
                assert set(response["content"]) - pages == {"application/problem+json"}, (name, status)


def test_each_operation_has_an_id_of_its_own(schema: Any) -> None:
    ids = [operation["operationId"] for operation in operations(schema).values()]
    assert len(set(ids)) == len(ids)


def test_each_tag_in_use_is_described(schema: Any) -> None:
    used = {tag for operation in operations(schema).values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in schema["tags"]}


def test_a_body_that_holds_one_of_two_fields_is_needed(schema: Any) -> None:
    for name in ("post /api/v1/auth/reauthenticate", "put /api/v1/keys/requests/{id}"):
        assert operations(schema)[name]["requestBody"]["required"] is True, name
    assert "required" not in operations(schema)["delete /api/v1/auth/me"]["requestBody"]


def test_tokens_always_say_of_what_type_they_are(schema: Any) -> None:
    for name in ("AuthTokens", "ResetAnswer", "SecondFactorTokens"):
        assert "token_type" in schema["components"]["schemas"][name]["required"], name


def test_where_no_mail_is_configured_the_database_may_be_away_too(schema: Any) -> None:
    for name, operation in operations(schema).items():
        description = operation["responses"].get("503", {}).get("description", "")
        if "/auth/" in name and "not_configured" in description:
            assert "upstream_unavailable" in description, name


def test_the_page_and_everything_it_loads_come_from_here(server: RunningServer) -> None:
    page = httpx.get(f"{server.url}/docs", timeout=30)
    assert page.status_code == 200
    assert not re.findall(r"""(?:src|href|url)\s*[=:]\s*["'](?:https?:)?//""", page.text)
    loaded = [html.unescape(path) for path in re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)]
    assert len(loaded) >= 4
    for path in loaded:
        asset = httpx.get(f"{server.url}{path}", timeout=30)
        assert asset.status_code == 200, path
        assert asset.headers["X-Content-Type-Options"] == "nosniff"
    (script,) = [path for path in loaded if "script" in path]
    assert "/openapi.json" in httpx.get(f"{server.url}{script}", timeout=30).text


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/docs/", "/openapi.yaml", "/api/v1/openapi.json", "/schema"]
)
def test_production_has_neither(production: RunningServer, path: str) -> None:
    assert httpx.get(f"{production.url}{path}", timeout=30).status_code == 404


def test_the_document_needs_no_token_and_takes_none(api: ApiClient) -> None:
    assert api.get("/openapi.json", token="nonsense", headers={"Accept": "application/json"}).status == 200
    assert api.get("/docs", headers={"Accept": "text/html"}).status == 200
