"""Random bodies for public and private routes: 4xx problems, never a 5xx."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db
IN_PROCESS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NO_TEXT = JSON_VALUES.filter(lambda value: not isinstance(value, str))
BYTES = st.binary(max_size=300) | st.text(alphabet='{}[]",:\\u0dD8e+-. tfnNaI\x00é', max_size=80).map(str.encode)


def objects(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[bytes]:
    shapes = st.fixed_dictionaries({}, optional=fields)
    return shapes.map(lambda value: json.dumps(value).encode())


def assert_refused(answer: Answer) -> None:
    assert 400 <= answer.status < 500, answer
    assert answer.code in {"validation_error", "rate_limited"}
    assert "Traceback" not in answer.content.decode()


REGISTRATION = objects({"email": JSON_VALUES | st.text(max_size=300), "password": JSON_VALUES, "tier": JSON_VALUES})
CHAT = objects(
    {
        "message": NO_TEXT | st.sampled_from(["", " ", "\x00", "a" * 32_001]),
        "context": JSON_VALUES,
        "execution_mode": JSON_VALUES,
        "model": JSON_VALUES,
        "client_tools": JSON_VALUES,
        "request_id": JSON_VALUES,
    }
)
CONTEXT = objects(
    {
        name: JSON_VALUES | st.lists(st.dictionaries(st.sampled_from(["id", "role", "content", "title"]), JSON_VALUES))
        for name in (
            *("user_profile", "relevant_documents", "recent_tasks", "projects", "notes", "checkpoints"),
            *("conversation_history", "other"),
        )
    }
)


@IN_PROCESS
@given(BYTES | REGISTRATION)
@pytest.mark.parametrize("path", ["auth/register", "auth/login", "auth/refresh"])
def test_no_body_breaks_a_public_route(api: ApiClient, path: str, body: bytes) -> None:
    assert_refused(api.post(path, body=body))


@pytest.mark.parametrize("path", ["chat", "auth/logout", "auth/password"])
def test_no_body_breaks_a_private_route(api: ApiClient, make_user: Callable[..., Account], path: str) -> None:
    token = make_user(tier="team").access_token

    @IN_PROCESS
    @given(BYTES | CHAT)
    def send(body: bytes) -> None:
        assert_refused(api.post(path, body=body, token=token))

    send()


@pytest.mark.thorough
def test_no_context_breaks_a_turn(api: ApiClient, make_user: Callable[..., Account]) -> None:
    """The message is missing, so that a context without fault is refused too."""
    token = make_user(tier="team").access_token

    @IN_PROCESS
    @given(CONTEXT)
    def send(context: bytes) -> None:
        assert_refused(api.post("chat", body=b'{"context": %s}' % context, token=token))

    send()


@IN_PROCESS
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.sampled_from(["GET", "POST", "DELETE"]))
def test_no_path_breaks_the_router(api: ApiClient, path: str, method: str) -> None:
    answer = api.request(method, f"/api/{path.replace('?', '')}")
    assert answer.status == 404, answer
    assert answer.code == "not_found"


@IN_PROCESS
@given(
    st.dictionaries(
        st.sampled_from(
            ["Accept", "Authorization", "Content-Type", "Origin", "X-Request-ID", "Cookie", "Range", "Host"]
        ),
        st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
        min_size=1,
    )
)
def test_no_header_breaks_a_view(api: ApiClient, headers: dict[str, str]) -> None:
    answer = api.get("auth/me", headers=headers)
    assert answer.status in {400, 401}, answer
    assert answer.code in {"validation_error", "not_authenticated", "invalid_token"}
