"""What people do around a purchase, said shortly."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings

from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient


@contextmanager
def impatient() -> Iterator[None]:
    """Within it a second of silence is taken for a Stripe that does not answer; only for calls that get no answer."""
    with override_settings(STRIPE_TIMEOUT_SECONDS=1.0):
        yield


def checkout(api: ApiClient, account: Account, tier: str = "pro", *, key: str | None = None, **asked: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return api.post("billing/checkout", json={"tier": tier, **asked}, token=account.access_token, headers=headers)


def session_of(answer: Answer) -> str:
    """The id of the Stripe session that a checkout's answer leads to."""
    assert answer.status == 200, answer
    return str(answer.json["checkout_url"]).rsplit("/", 1)[1]


def subscription(api: ApiClient, account: Account) -> Any:
    answer = api.get("billing/subscription", token=account.access_token)
    assert answer.status == 200, answer
    return answer.json


def cancel(api: ApiClient, account: Account, *, query: str = "") -> Answer:
    return api.delete(f"billing/subscription{query}", token=account.access_token)


def open_sessions(server: LoopbackStripe) -> list[str]:
    return [one["id"] for one in server.world.all("checkout.session") if one["status"] == "open"]


def running_subscriptions(server: LoopbackStripe) -> list[Any]:
    return [one for one in server.world.all("subscription") if one["status"] != "canceled"]
