"""Everything a turn says to its user passes through here (wire contract § 5, sanitizer)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self, TypeVar

from adiuva.api.errors import Problem
from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.run_context import ClientToolFailed, ClientTools
from chat.plans.execution_plan import ExecutionPlan, LlmStep, frozen_variables
from chat.sanitizer import TurnSanitizer, protected_texts, strings_in
from chat.turns import PlanMade

T = TypeVar("T")

# About 4 ms of CPU: what is longer is read in a thread, so that no other stream waits for it.
_MOST_ON_THE_LOOP = 2_000
# The same for what the user wrote, which is folded at the first redaction only.
_MOST_FOLDED_ON_THE_LOOP = 32_000


class OutputSanitizer:
    """The mouth of one turn. Its text deltas are one stream, so that nothing gets through between two of them."""

    def __init__(self, said: TurnSanitizer) -> None:
        self._said = said
        self._stream = said.stream()
        self._user_characters = 0

    @classmethod
    async def about(cls, *written: Any) -> Self:
        """``written``: JSON values with what the user wrote in this request, which may be said back."""
        sanitizer = await protected_texts.sanitizer()
        speech = cls(sanitizer.for_turn([]))
        await speech.allow(*written)
        return speech

    async def allow(self, *written: Any) -> None:
        """More that the user's device sent."""
        texts = tuple(text for value in written for text in strings_in(value))
        self._said.allow(texts)
        self._user_characters += sum(map(len, texts))
        if self._user_characters > _MOST_FOLDED_ON_THE_LOOP:
            await asyncio.to_thread(self._said.prepare)

    async def event(self, event: AgentEvent | PlanMade) -> AgentEvent | PlanMade | None:
        """``event`` as the user may see it; None while all of a text is held back."""
        match event:
            case TextDelta(text):
                shown = await _run(self._stream.feed, text, len(text))
                return TextDelta(shown) if shown else None
            case ActionEmitted(action):
                return ActionEmitted(await self.action(action))
            case ClientToolCall(arguments=arguments):
                return replace(event, arguments=await self.value(arguments))
            case PlanMade(plan):
                return PlanMade(await self._plan(plan))

    def rest(self) -> TextDelta | None:
        """What was held back to the end of the turn."""
        shown = self._stream.finish()
        return TextDelta(shown) if shown else None

    async def action(self, action: Action) -> Action:
        return replace(action, data=await self.value(action.data))

    async def value(self, value: T) -> T:
        """A JSON value with every string in it sanitized by itself."""
        shown: T = await _run(self._said.value, value, sum(map(len, strings_in(value))))
        return shown

    async def _plan(self, plan: ExecutionPlan) -> ExecutionPlan:
        """Its labels and variables; template ids and actions are the contract's own words."""
        steps = [
            replace(step, variables=frozen_variables(await self.value(dict(step.variables))))
            if isinstance(step, LlmStep)
            else step
            for step in plan.steps
        ]
        return replace(plan, name=await self.value(plan.name), steps=tuple(steps))

    def problem(self, problem: Problem) -> Problem:
        problem.detail = self._said.text(problem.detail)
        return problem


class AllowedAnswers:
    """``ClientTools`` whose answers may be said back: they come from the user's own device."""

    def __init__(self, tools: ClientTools, speech: OutputSanitizer) -> None:
        self._tools = tools
        self._speech = speech

    async def result(self, call_id: str) -> Any:
        try:
            answer = await self._tools.result(call_id)
        except ClientToolFailed as failure:
            await self._speech.allow(failure.message)
            raise
        await self._speech.allow(answer)
        return answer


async def _run(work: Callable[[Any], Any], value: Any, characters: int) -> Any:
    return work(value) if characters <= _MOST_ON_THE_LOOP else await asyncio.to_thread(work, value)
