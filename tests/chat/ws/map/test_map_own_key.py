"""A map run with the user's own provider."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.chat.providers.conftest import foreign, provider_body, vendor
from tests.chat.ws.map.device import MapDevice, tasks
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, call
from tests.fakes.providers.script import Trouble, say, use
from tests.fakes.providers.server import ProviderServer
from tests.support.accounts import Account
from tests.support.foreign_hosts import USERS_KEY, VENDORS

__all__ = ["foreign", "vendor"]

Connect = Callable[..., Awaitable[Socket]]
Vendor = Callable[..., ProviderServer]
KIND: Final = "openai_compatible"


def own() -> dict[str, Any]:
    return {"provider": provider_body(KIND), "model": VENDORS[KIND][2]}


async def test_every_item_goes_to_it_and_none_to_the_operators(
    vendor: Vendor, connect: Connect, pro: Account, llm: LoopbackLLM
) -> None:
    server = vendor(KIND)
    server.script(use(call("update_task", id="call1", task_id="task-0000", priority="high")), say("Done."))
    device = MapDevice(await connect(pro), tasks(1))

    final = await device.run(**own())

    assert final["outcome"] == "succeeded"
    assert [action["data"] for action in device.actions] == [{"priority": "high"}]
    assert llm.requests == []
    assert USERS_KEY not in str(device.items)


async def test_a_key_that_is_refused_ends_the_run_at_once(
    vendor: Vendor, connect: Connect, pro: Account, llm: LoopbackLLM
) -> None:
    server = vendor(KIND)
    server.default = Trouble("unauthorized")
    device = MapDevice(await connect(pro), tasks(20))

    final = await device.run(**own())

    assert (final["outcome"], final["error"]["reason"]) == ("partial", "auth")
    assert final["items"] == {"total": 20, "done": 0, "failed": 0, "skipped": 20}
    assert USERS_KEY not in str(final)
    assert llm.requests == []


async def test_a_blank_key_is_refused(connect: Connect, pro: Account, llm: LoopbackLLM) -> None:
    device = MapDevice(await connect(pro), tasks(1))

    final = await device.run(provider=provider_body(KIND, api_key=" "), model="any")

    assert list(final["error"]["errors"]) == ["provider.api_key"]


async def test_the_free_tier_has_none(vendor: Vendor, connect: Connect, free: Account) -> None:
    final = await MapDevice(await connect(free), tasks(1)).run(**own())

    assert final["error"]["code"] == "feature_not_available"


async def test_a_downgrade_ends_the_run(vendor: Vendor, connect: Connect, pro: Account) -> None:
    server = vendor(KIND)
    server.default = say("Done.")
    device = MapDevice(await connect(pro), tasks(40))
    await device.start(**own())
    await device.go_on(stop_after=5)
    await in_database(set_tier, user=pro.user, tier=Tier.FREE)

    final = await device.go_on()

    assert final["error"]["code"] == "feature_not_available"
    assert 5 <= final["items"]["done"] < 40
