"""``POST /batches/build``: who may, what is wrong with a request, and what a provider in trouble comes to."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from adiuva.observability.metrics import TURNS
from agents.batches.mapping.limits import MAP_LIMITS
from chat.models import DailyUsage
from chat.turns import capacity
from tests.accounts.database_dump import whole_database
from tests.chat.batch_builder.answers import MESSAGE, ROME, WHOLE, answer, build, with_
from tests.fakes.llm_server import LoopbackLLM, Reply, hang, reset, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough


def test_it_takes_a_token(api: ApiClient, db: None) -> None:
    refused = api.post("batches/build", json={})

    assert (refused.status, refused.code) == (401, "not_authenticated")


def test_free_does_not_have_it_whatever_the_body(api: ApiClient, free: Account, llm: LoopbackLLM) -> None:
    for body in (b"{not json", b'{"message": "Tidy up", "timezone": "UTC"}'):
        refused = api.post("batches/build", body=body, token=free.access_token)

        assert (refused.status, refused.code) == (403, "feature_not_available")
        assert refused.json["required_tier"] == "pro"
    assert llm.requests == []


@pytest.mark.parametrize("tier", ["pro", "power", "team"])
def test_who_pays_has_it(
    api: ApiClient, transactional_db: None, make_user: Callable[..., Account], llm: LoopbackLLM, tier: str
) -> None:
    llm.script(answer())

    assert build(api, make_user(tier=tier)).status == 200


def test_other_methods_are_405(api: ApiClient, pro: Account) -> None:
    assert api.put("batches/build", json={}, token=pro.access_token).code == "method_not_allowed"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no message": ({"message": None}, "message"),
    "a blank one": ({"message": " \n"}, "message"),
    "one that is too long": ({"message": "x" * 32_001}, "message"),
    "one that is a number": ({"message": 5}, "message"),
    "no zone": ({"timezone": None}, "timezone"),
    "an offset": ({"timezone": "+02:00"}, "timezone"),
    "a zone that there is not": ({"timezone": "Europe/Atlantis"}, "timezone"),
    "a path": ({"timezone": "../../etc/hosts"}, "timezone"),
    "a context that is none": ({"context": {"projects": 5}}, "context.projects"),
    "a spec in words": ({"spec": "weekly"}, "spec"),
    "an empty spec": ({"spec": {}}, "spec.name"),
    "a tool that there is not": ({"spec": with_(WHOLE, steps=[{}])}, "spec.steps.0.id"),
    "another version": ({"spec": {**WHOLE, "version": 2}}, "spec.version"),
    "an anchor the rule does not name": (
        {"spec": with_(WHOLE, trigger={"rrule": "FREQ=WEEKLY;BYDAY=SU"})},
        "spec.trigger",
    ),
    "a model that there is not": ({"model": "gpt-9"}, "model"),
    "a key without a model": ({"provider": {"kind": "openai", "api_key": "sk-1"}}, "model"),
    "a blank key": ({"model": "m", "provider": {"kind": "openai", "api_key": ""}}, "provider.api_key"),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(
    api: ApiClient, pro: Account, llm: LoopbackLLM, body: dict[str, Any], field: str
) -> None:
    sent = {"message": MESSAGE, "timezone": ROME, **body}
    refused = api.post("batches/build", json=sent, token=pro.access_token)

    assert (refused.status, refused.code) == (400, "validation_error")
    assert field in refused.json["errors"]
    assert llm.requests == []


def test_unknown_fields_are_ignored(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer())

    assert build(api, pro, tier="team", user="x", spec=None, context=None, model=None, provider=None).status == 200


def test_a_context_that_is_too_large_is_413(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    refused = build(api, pro, context={"notes": [{"content": "x" * 512 * 1024}]})

    assert (refused.status, refused.code) == (413, "payload_too_large")


def test_another_model_of_the_operators(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer())

    assert build(api, pro, model="gpt-other").status == 200
    assert llm.requests[0]["model"] == "gpt-other"


def test_over_the_months_tokens_is_402(api: ApiClient, pro: Account, llm: LoopbackLLM, settings: Any) -> None:
    settings.LLM_TOKENS_PER_MONTH = {**settings.LLM_TOKENS_PER_MONTH, "pro": 100}

    refused = build(api, pro)

    assert (refused.status, refused.code) == (402, "quota_exceeded")
    assert (refused.json["resource"], refused.json["limit"]) == ("llm_tokens", 100)
    assert llm.requests == []


def test_what_was_spent_is_settled_and_counted_once(
    api: ApiClient, pro: Account, llm: LoopbackLLM, settings: Any
) -> None:
    settings.LLM_TOKENS_PER_MONTH = {**settings.LLM_TOKENS_PER_MONTH, "pro": 1_000_000}
    llm.script(text("no", usage=(100, 10)), answer(usage=(200, 20)))

    assert build(api, pro).status == 200
    day = DailyUsage.objects.get(user_id=pro.user.id)
    assert (day.turns, day.input_tokens, day.output_tokens) == (1, 300, 30)
    usage = api.get("chat/usage", token=pro.access_token).json
    assert usage["remaining"] == {"llm_tokens": 1_000_000 - 330}


@pytest.mark.parametrize("fault", [reset(), status(401), status(429), status(500), thorough(hang())])
def test_provider_trouble_is_a_problem(
    api: ApiClient, pro: Account, llm: LoopbackLLM, settings: Any, fault: Reply
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.0
    llm.script(*[fault] * 3)

    refused = build(api, pro)

    assert refused.status in {502, 503, 504}
    assert refused.code
    assert b"SECRET" not in refused.content
    assert b"sk-loopback" not in refused.content


@pytest.mark.thorough
def test_one_deadline_holds_for_both_rounds(api: ApiClient, pro: Account, llm: LoopbackLLM, settings: Any) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.0
    llm.script(text("no", delay=0.2), hang())

    refused = build(api, pro)

    assert (refused.status, refused.code) == (504, "upstream_timeout")


def test_a_full_server_says_so(api: ApiClient, pro: Account, llm: LoopbackLLM, settings: Any) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 1

    with capacity.turn(uuid4()):
        refused = build(api, pro)

    assert (refused.status, refused.code) == (503, "upstream_unavailable")
    assert llm.requests == []


def test_without_a_model_it_is_not_configured(api: ApiClient, pro: Account, settings: Any) -> None:
    settings.LLM_MODEL = ""

    assert build(api, pro).code == "not_configured"


def test_builds_are_measured_by_their_outcome(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    def counted(outcome: str) -> float:
        return float(TURNS.labels("build", outcome)._value.get())

    before = counted("done"), counted("not_buildable")
    llm.script(answer(), answer(None, buildable=False, reason="No."))
    for _ in range(2):
        build(api, pro)

    assert (counted("done"), counted("not_buildable")) == (before[0] + 1, before[1] + 1)


def test_it_stores_nothing(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(WHOLE, name="CANARY-1")))

    built = build(api, pro, "Prioritise CANARY-2 tasks", context={"notes": [{"id": "n-1", "title": "CANARY-3"}]})

    assert built.json["spec"]["name"] == "CANARY-1"
    assert "CANARY" not in whole_database()


@pytest.mark.parametrize(("tier", "most"), [("pro", 200), ("power", 1000), ("team", 1000)])
def test_limits_are_those_of_the_tiers_map_runs(
    api: ApiClient, transactional_db: None, make_user: Callable[..., Account], llm: LoopbackLLM, tier: str, most: int
) -> None:
    llm.script(answer(with_(selection={"limit": 1000}, limits={"max_items": 1000})))

    built = build(api, make_user(tier=tier)).json

    assert MAP_LIMITS[tier].items == most  # type: ignore[index]  # a tier is a string
    assert (built["spec"]["selection"]["limit"], built["spec"]["limits"]["max_items"]) == (most, most)
    assert built["warnings"] == (
        [] if most == 1000 else ["Your plan includes 200 records a run; the batch takes no more."]
    )
