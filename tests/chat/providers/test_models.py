"""``GET /chat/models``: what a tier may choose from."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.llm.own_keys import OWN_KEY_KINDS
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture(autouse=True)
def _models(settings: Any) -> None:
    settings.LLM_MODEL = "gpt-test"
    settings.LLM_MODELS = ("gpt-other", "gpt-test", "gpt-other", "claude-haiku-4-5")


def models(account: Account) -> Any:
    answer = ApiClient().get("chat/models", token=account.access_token)
    assert answer.status == 200
    return answer.json


def test_free_has_the_default_and_no_keys_of_its_own(make_user: Callable[..., Account]) -> None:
    assert models(make_user(tier="free")) == {
        "builtin": [{"model": "gpt-test", "default": True}],
        "own_key_kinds": [],
        "limit": 1,
    }


@pytest.mark.parametrize("tier", ["pro", "power", "team"])
def test_paid_tiers_have_each_model_once_the_default_first(make_user: Callable[..., Account], tier: str) -> None:
    assert models(make_user(tier=tier)) == {
        "builtin": [
            {"model": "gpt-test", "default": True},
            {"model": "gpt-other", "default": False},
            {"model": "claude-haiku-4-5", "default": False},
        ],
        "own_key_kinds": list(OWN_KEY_KINDS),
        "limit": None,
    }


@pytest.mark.parametrize("tier", ["free", "pro"])
def test_without_a_model_there_is_nothing_built_in(make_user: Callable[..., Account], settings: Any, tier: str) -> None:
    settings.LLM_MODEL, settings.LLM_MODELS = "", ()
    assert models(make_user(tier=tier))["builtin"] == []


def test_without_a_default_the_others_are_still_a_choice(make_user: Callable[..., Account], settings: Any) -> None:
    settings.LLM_MODEL = ""
    assert [row["default"] for row in models(make_user(tier="pro"))["builtin"]] == [False, False, False]


def test_what_is_listed_can_be_asked_for(pro: Account, llm: LoopbackLLM, settings: Any) -> None:
    settings.LLM_MODELS = ("gpt-other",)
    for row in models(pro)["builtin"]:
        answer = ApiClient().post("chat", json={"message": "Hi", "model": row["model"]}, token=pro.access_token)
        assert answer.status == 200
    assert {body["model"] for body in llm.requests} == {"gpt-test", "gpt-other"}
