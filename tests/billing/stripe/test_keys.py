"""Keys under which Stripe holds a failure do not block what is wanted, and nothing is made twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from adiuva.api.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable
from billing.stripe.client.gateway import StripeGateway
from billing.stripe.client.keys import LONGEST_BASE, create_with_key, digest_of
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.support.thorough import thorough

ACCOUNTS = "/v1/accounts"


@pytest.fixture
def stripe_server() -> Iterator[LoopbackStripe]:
    """Alone: no settings, no database, no queue."""
    with LoopbackStripe() as server:
        yield server


def gateway_of(server: LoopbackStripe, *, timeout: float = 30) -> StripeGateway:
    version = "2026-05-27.dahlia"
    return StripeGateway(secret_key=SECRET_KEY, api_base=server.base_url, api_version=version, timeout=timeout)


def keys_of(server: LoopbackStripe) -> list[str]:
    return [str(call.idempotency_key) for call in server.calls("POST", ACCOUNTS)]


def test_a_stored_failure_is_left_behind_in_the_same_call(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stored_status", path=ACCOUNTS)
    made = gateway_of(stripe_server).create_connect_account(user_id="u")
    first, second = keys_of(stripe_server)
    assert second == f"{first}:1"
    assert gateway_of(stripe_server).create_connect_account(user_id="u") == made
    assert keys_of(stripe_server)[2:] == [first, second]
    assert len(stripe_server.world.all("account")) == 1


def test_a_stripe_that_goes_on_failing_is_asked_twice_in_a_call(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stored_status", path=ACCOUNTS, times=2)
    with pytest.raises(UpstreamError):
        gateway_of(stripe_server).create_connect_account(user_id="u")
    assert len(keys_of(stripe_server)) == 2
    assert gateway_of(stripe_server).create_connect_account(user_id="u")
    assert len(stripe_server.world.all("account")) == 1
    assert [key.count(":") for key in keys_of(stripe_server)[2:]] == [2, 3, 3]


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("reset_after_commit", UpstreamUnavailable),
        thorough("timeout_after_commit", UpstreamTimeout),
        ("status", UpstreamError),
    ],
)
def test_what_is_no_stored_failure_never_changes_the_key(
    stripe_server: LoopbackStripe, kind: Any, raised: type[Exception]
) -> None:
    stripe_server.fail(kind, path=ACCOUNTS, times=2)
    with pytest.raises(raised):
        gateway_of(stripe_server, timeout=0.5).create_connect_account(user_id="u")
    assert gateway_of(stripe_server).create_connect_account(user_id="u")
    assert len(set(keys_of(stripe_server))) == 1
    assert len(stripe_server.world.all("account")) == 1


def test_an_answer_that_is_lost_after_a_stored_failure_is_made_once(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stored_status", path=ACCOUNTS)
    stripe_server.fail("reset_after_commit", path=ACCOUNTS, times=2)
    with pytest.raises(UpstreamUnavailable):
        gateway_of(stripe_server).create_connect_account(user_id="u")
    assert gateway_of(stripe_server).create_connect_account(user_id="u")
    assert len(stripe_server.world.all("account")) == 1


def test_several_at_once_walk_the_same_keys(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stored_status", path=ACCOUNTS, times=2)
    with pytest.raises(UpstreamError):
        gateway_of(stripe_server).create_connect_account(user_id="u")

    def one(_: int) -> str | None:
        try:
            return gateway_of(stripe_server).create_connect_account(user_id="u")
        except UpstreamUnavailable:
            return None  # Stripe refuses a key that is in use at the same moment

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(one, range(4))) - {None}
    assert len(made) == len(stripe_server.world.all("account")) == 1


def test_other_parameters_are_other_keys() -> None:
    seen: list[str] = []
    for parameters in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3}):
        create_with_key("base", parameters, seen.append)
    assert seen[0] == seen[1] == f"base:{digest_of({'a': 1, 'b': 2})}"
    assert seen[2] != seen[0]
    with pytest.raises(ValueError, match="too long"):
        create_with_key("x" * (LONGEST_BASE + 1), {}, seen.append)


def test_what_a_failure_left_behind_is_found_before_the_next_key() -> None:
    asked: list[str] = []

    def create(key: str) -> str:
        asked.append(key)
        raise stripe.APIError(http_status=500, headers={"idempotent-replayed": "true"})

    assert create_with_key("base", {}, create, find=lambda: "found") == "found"
    assert len(asked) == 1


def test_the_double_keeps_a_failure_for_its_key_and_refuses_other_parameters(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stored_status", path="/v1/customers")
    client = stripe.StripeClient(
        SECRET_KEY, stripe_version="2026-05-27.dahlia", base_addresses={"api": stripe_server.base_url}
    )
    raised: list[stripe.StripeError] = []
    for email in ("a@example.org", "a@example.org", "b@example.org"):
        with pytest.raises(stripe.StripeError) as caught:
            client.v1.customers.create({"email": email}, {"idempotency_key": "k"})
        raised.append(caught.value)
    fresh, replayed, changed = raised
    assert (fresh.http_status, replayed.http_status) == (500, 500)
    assert "idempotent-replayed" not in (fresh.headers or {})
    assert (replayed.headers or {})["idempotent-replayed"] == "true"
    assert isinstance(changed, stripe.IdempotencyError)
