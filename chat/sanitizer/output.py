"""The output sanitizer: every event, value and problem of a turn passes through it (docs/api.md § 5)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self, TypeVar

from adiuva.api.errors import Problem
from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.run_context import ClientToolFailed, ClientTools
from chat.plans.execution_plan import ExecutionPlan, LlmStep, freeze_variables
from chat.sanitizer import TurnSanitizer, protected_texts, strings_in
from chat.turns import PlanMade

T = TypeVar("T")

# In characters, about 4 ms of CPU: a longer text is read in a thread, so that no other stream waits for it.
MAX_ON_THE_LOOP = 2_000
# The same for what the user wrote, which is folded only at the first redaction.
_MAX_FOLDED_ON_THE_LOOP = 32_000


class OutputSanitizer:
    """Of one turn. Its text deltas are one stream, so that nothing gets through by being split over them."""

    def __init__(self, sanitizer: TurnSanitizer, *, whole: bool = False) -> None:
        self._sanitizer = sanitizer
        self._stream = sanitizer.stream(whole=whole)
        self._user_characters = 0

    @classmethod
    async def for_request(cls, *user_values: Any, whole: bool = False) -> Self:
        """``user_values``: JSON values that the user sent in this request, which may be repeated.

        ``whole``: nobody sees the text before its end, so all of it is held until ``finish``. More can be taken back
        then: the beginning of a prompt, and reasoning of which only the closing marker came.
        """
        sanitizer = await protected_texts.sanitizer()
        output = cls(sanitizer.for_turn([]), whole=whole)
        await output.allow(*user_values)
        return output

    async def allow(self, *user_values: Any) -> None:
        """Allow more values that the user's device sent."""
        texts = tuple(text for value in user_values for text in strings_in(value))
        self._sanitizer.allow(texts)
        self._user_characters += sum(map(len, texts))
        if self._user_characters > _MAX_FOLDED_ON_THE_LOOP:
            await asyncio.to_thread(self._sanitizer.prepare)

    def feed(self, text: str) -> str:
        """What may be shown of the turn's text now; "" while all is held. ``text``: at most ``MAX_ON_THE_LOOP``."""
        return self._stream.feed(text)

    async def sanitize_event(self, event: AgentEvent | PlanMade) -> AgentEvent | PlanMade | None:
        """``event`` as the user may see it; None while its whole text is held back."""
        match event:
            case TextDelta(text):
                shown = await _run(self._stream.feed, text, len(text))
                return TextDelta(shown) if shown else None
            case ActionEmitted(action):
                self._stream.pause()
                return ActionEmitted(await self.sanitize_action(action))
            case ClientToolCall(arguments=arguments):
                self._stream.pause()
                return replace(event, arguments=await self.sanitize_value(arguments))
            case PlanMade(plan):
                return PlanMade(await self._sanitize_plan(plan))

    def finish(self) -> TextDelta | None:
        """The text held back until the end of the turn."""
        shown = self._stream.finish()
        return TextDelta(shown) if shown else None

    async def sanitize_action(self, action: Action) -> Action:
        return replace(action, data=await self.sanitize_value(action.data))

    async def sanitize_value(self, value: T) -> T:
        """A JSON value with every string in it sanitized, and prompts in all strings of the turn together."""
        shown: T = await _run(self._sanitizer.value, value, sum(map(len, strings_in(value))))
        return shown

    async def _sanitize_plan(self, plan: ExecutionPlan) -> ExecutionPlan:
        """Its name and variables; template ids and actions are public."""
        steps = [
            replace(step, variables=freeze_variables(await self.sanitize_value(dict(step.variables))))
            if isinstance(step, LlmStep)
            else step
            for step in plan.steps
        ]
        return replace(plan, name=await self.sanitize_value(plan.name), steps=tuple(steps))

    def sanitize_problem(self, problem: Problem) -> Problem:
        problem.detail = self._sanitizer.text(problem.detail)
        return problem


class AllowedAnswers:
    """``ClientTools`` whose answers may be repeated, since they come from the user's own device."""

    def __init__(self, tools: ClientTools, output: OutputSanitizer) -> None:
        self._tools = tools
        self._output = output

    async def result(self, call_id: str) -> Any:
        try:
            answer = await self._tools.result(call_id)
        except ClientToolFailed as failure:
            await self._output.allow(failure.message)
            raise
        await self._output.allow(answer)
        return answer


async def _run(work: Callable[[Any], Any], value: Any, characters: int) -> Any:
    return work(value) if characters <= MAX_ON_THE_LOOP else await asyncio.to_thread(work, value)
