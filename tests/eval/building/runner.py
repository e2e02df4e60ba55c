"""Puts the sentences to the Batch Builder over the path of a real request: prompt, provider, repair, checks."""

import asyncio
from collections.abc import Sequence

from django.conf import settings

from adiuva.api.errors import Problem
from agents.batches.builder.building import build
from agents.batches.spec.batch_spec import MAX_ITEMS
from agents.llm import factory
from agents.llm.meter import Meter
from agents.registry import registry
from agents.run_context import RunContext
from tests.eval.building.golden import Case
from tests.eval.building.scoring import Answer, Scores, judge
from tests.eval.golden import NOW, TIMEZONE
from tests.eval.runner import AT_ONCE, freeze_day


async def evaluate(cases: Sequence[Case], *, at_once: int = AT_ONCE) -> Scores:
    """Every case once, on ``settings.LLM_MODEL``."""
    gate = asyncio.Semaphore(at_once)

    async def judged(case: Case) -> Answer:
        async with gate:
            return await answer(case)

    with freeze_day():
        answers = await asyncio.gather(*(judged(case) for case in cases))
    await factory.close()
    return Scores.of(judge(case, given) for case, given in zip(cases, answers, strict=True))


async def answer(case: Case) -> Answer:
    run = RunContext.of(
        case.data, now=NOW, meter=Meter(), deadline=asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    )
    try:
        built = await build(
            request=case.say,
            run=run,
            timezone=TIMEZONE,
            before=case.before,
            agents=[agent.name for agent in registry.list_agents()],
            max_items=MAX_ITEMS,
        )
    except Problem as problem:
        return Answer(problem=problem.code)
    return Answer(built.spec, built.explanation, tuple(built.questions), built.reason)
