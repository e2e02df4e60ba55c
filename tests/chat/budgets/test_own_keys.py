"""Over HTTP: who pays with their own key spends no budget, and who spends one is written no more than it has."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.llm.own_keys import OwnKeyKind
from chat.models import DailyUsage, MonthlyBudget
from tests.chat.budgets.conftest import Limit, remaining, report
from tests.chat.budgets.rows import Budget, budget_of
from tests.chat.providers.conftest import foreign, provider_body, vendor
from tests.fakes.llm_server import LoopbackLLM, Reply, text
from tests.fakes.providers.script import say
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.foreign_hosts import VENDORS

__all__ = ["foreign", "vendor"]

KIND: OwnKeyKind = "openai_compatible"
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"message": "Hello"},
    "plans/templates/tpl_task_agent_default/run": {"variables": {"message": "Hello"}},
}


@pytest.mark.parametrize("path", BODIES)
def test_a_turn_with_an_own_key_counts_and_spends_nothing(
    api: ApiClient, vendor: Callable[..., ProviderServer], pro: Account, limit: Limit, path: str
) -> None:
    limit(pro=0)
    server = vendor(KIND)
    server.script(say("Hi"))
    own = {"provider": provider_body(KIND), "model": VENDORS[KIND][2]}

    answer = api.post(path, json={**BODIES[path], **own}, token=pro.access_token)

    assert answer.status == 200, answer
    cost = answer.json["usage"]["input_tokens"] + answer.json["usage"]["output_tokens"]
    assert cost > 0
    assert report(api, pro)["month"] == {"turns": 1, **answer.json["usage"]}
    assert DailyUsage.objects.get().own_key_tokens == cost
    assert not MonthlyBudget.objects.exists()
    assert not {"max_tokens", "max_completion_tokens"} & set(server.bodies[0]), "their account has no limit of ours"
    assert api.post(path, json=BODIES[path], token=pro.access_token).status == 402


def test_the_provider_is_asked_for_no_more_than_is_left(
    api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    limit(free=10_000)
    asked: list[int] = []

    def answer(body: dict[str, Any]) -> Reply:
        asked.append(body.get("max_tokens") or body["max_completion_tokens"])
        return text("Hi", usage=(1_000, 100))

    llm.script(answer, answer)
    for _ in range(2):
        assert api.post("chat", json={"message": "Hello"}, token=free.access_token).status == 200

    first, second = asked
    assert 256 <= second < first < 8_192
    assert first - second == 1_100
    assert budget_of(free.user) == Budget(2_200, 0)
    assert remaining(api, free) == 7_800


def test_an_answer_that_the_budget_cuts_says_so(api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=10_000)
    llm.script(text("Once upon a", finish_reason="length"))

    assert api.post("chat", json={"message": "Hello"}, token=free.access_token).json["finish_reason"] == "length"
