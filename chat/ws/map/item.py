"""One item of a map run, from its place among what runs to what came of it."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import (
    NotConfigured,
    Problem,
    QuotaExceeded,
    Unauthorized,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from agents.actions import Action, DerivedIds
from agents.batches.mapping.items import ItemRefusedError, run_item
from agents.batches.mapping.limits import limits_of
from agents.llm.meter import Meter
from agents.llm.port import Usage
from agents.run_context import RunContext
from chat import usage
from chat.sanitizer.output import OutputSanitizer
from chat.turns import problem_of
from chat.ws.map.admission import MapRequest
from chat.ws.map.frames import MapItem
from chat.ws.map.places import places

# Of the reasons why an own provider fails (docs/api.md § 15), those that stay.
_USELESS_KEY = {"auth", "quota", "model"}


@dataclass(frozen=True, slots=True)
class ItemResult:
    """Failed, with no actions, where there is a ``problem``: an item is carried out as a whole or not at all.

    ``was_asked``: the provider had a part in it.
    """

    key: str
    usage: Usage
    actions: tuple[Action, ...] = ()
    problem: Problem | None = None
    was_asked: bool = True

    @property
    def shows_an_outage(self) -> bool:
        """The provider is at fault, not the item."""
        down = isinstance(self.problem, UpstreamError | UpstreamUnavailable | UpstreamTimeout)
        return down and not isinstance(self.problem, ItemRefusedError)


class NotBegunError(Exception):
    """This item has no result, and ``problem`` says why: it is done later, in this run or in another."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


async def work_on(item: MapItem, *, request: MapRequest, user: User, meter: Meter) -> ItemResult:
    """Waits for a place, then takes at most ``LLM_TIMEOUT_SECONDS``. ``meter`` is recorded, however this ends.

    Raises ``NotBegunError``, and ``InvalidToken`` where the account is gone.
    """
    if item.problem is not None:
        return ItemResult(item.key, Usage(), problem=item.problem, was_asked=False)
    try:
        async with places.place(user_id=user.id, at_once=limits_of(user).at_once):
            return await _carry_out(item, request, meter)
    except UpstreamUnavailable as problem:  # there was no place
        raise NotBegunError(problem) from None
    finally:
        await usage.record_usage_in_thread(user.id, meter)


def _is_lasting(problem: Problem) -> bool:
    """The next item would fare no better: there are no tokens left, or a user's own key does not serve."""
    return isinstance(problem, QuotaExceeded | NotConfigured) or problem.extra.get("reason") in _USELESS_KEY


async def _carry_out(item: MapItem, request: MapRequest, meter: Meter) -> ItemResult:
    output = await OutputSanitizer.for_request(request.instruction, item.record)
    run = RunContext.of(
        {"user_profile": {"timezone": request.timezone}} if request.timezone else {},
        model=request.choice.model,
        provider=request.choice.provider,
        deadline=asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS,
        meter=meter,
        ids=DerivedIds(namespace=request.run_id, name=item.key),
    )
    work = run_item(record=item.record, instruction=request.instruction, tools=request.tools.tools, run=run)
    try:
        async with aclosing(work) as actions:
            made = tuple([await output.sanitize_action(action) async for action in actions])
    except Unauthorized:  # the account is gone
        raise
    except Exception as error:  # noqa: BLE001 - one item's failure, whatever it is, ends no other one
        problem = output.sanitize_problem(problem_of(error))
        if _is_lasting(problem):
            raise NotBegunError(problem) from None
        return ItemResult(item.key, meter.usage, problem=problem)
    return ItemResult(item.key, meter.usage, made)
