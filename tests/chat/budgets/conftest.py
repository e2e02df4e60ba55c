from collections.abc import Callable
from typing import Any

import pytest

from chat.budgets import allowance
from tests.support.accounts import Account
from tests.support.client import ApiClient

Limit = Callable[..., None]


@pytest.fixture
def limit(settings: Any) -> Limit:
    """``limit(free=10_000)``: tokens a month; the other tiers have none."""

    def set_to(**tiers: int) -> None:
        settings.LLM_TOKENS_PER_MONTH = {"free": None, "pro": None, "power": None, "team": None} | tiers

    return set_to


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What others hold is not waited for."""
    monkeypatch.setattr(allowance, "PATIENCE_SECONDS", 0.0)


def report(api: ApiClient, account: Account) -> dict[str, Any]:
    answer = api.get("chat/usage", token=account.access_token)
    assert answer.status == 200
    body: dict[str, Any] = answer.json
    return body


def remaining(api: ApiClient, account: Account) -> int | None:
    left: int | None = report(api, account)["remaining"]["llm_tokens"]
    return left
