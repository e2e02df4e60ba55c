"""Runs the Batch Builder for one request. Nothing of it is stored."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.utils import timezone as django_timezone

from accounts.models import User
from adiuva.api.errors import NotBuildable, UpstreamError, UpstreamTimeout
from adiuva.api.fields import rfc_3339
from agents.batches.builder.building import Built, build
from agents.batches.mapping.limits import MAP_LIMITS
from agents.batches.spec.batch_spec import BatchSpec, Schedule
from agents.batches.spec.vocabulary import FIELDS, FieldKind
from agents.llm.meter import Meter
from agents.llm.port import Usage
from agents.run_context import RunContext
from billing import entitlements
from chat.agent_routing import AGENTS_BY_TIER
from chat.requests import ModelChoice
from chat.sanitizer.output import OutputSanitizer
from chat.turns import capacity, measure_turn, problem_of

NEXT_RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """A validated body. ``timezone`` is an IANA name, ``spec`` the batch to change."""

    message: str
    timezone: str
    context: Mapping[str, Any]
    choice: ModelChoice
    spec: BatchSpec | None = None


@dataclass(frozen=True, slots=True)
class BuildAnswer:
    built: Built
    usage: Usage

    def as_dict(self) -> dict[str, Any]:
        """``{spec, explanation, questions, warnings, next_runs, usage}`` of docs/api.md; the times are from now on."""
        spec = self.built.spec
        is_scheduled = spec is not None and isinstance(spec.trigger, Schedule)
        runs = spec.trigger.next_runs(django_timezone.now(), NEXT_RUNS) if is_scheduled else []  # type: ignore[union-attr]
        return {
            "spec": None if spec is None else spec.as_dict(),
            "explanation": self.built.explanation,
            "questions": self.built.questions,
            "warnings": self.built.warnings,
            "next_runs": [rfc_3339(moment) for moment in runs],
            "usage": self.usage.as_dict(),
        }


async def run_builder(*, asked: BuildRequest, user: User, meter: Meter) -> BuildAnswer:
    """The whole has ``LLM_TIMEOUT_SECONDS``. ``meter`` has its usage.

    Raises only ``Problem``: ``NotBuildable``, ``UpstreamError`` when the model's second answer is no batch either, and
    the problems of ``LanguageModel.stream``.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    profile = {**(asked.context.get("user_profile") or {}), "timezone": asked.timezone}
    run = RunContext.of(
        {**asked.context, "user_profile": profile},
        model=asked.choice.model,
        provider=asked.choice.provider,
        deadline=deadline,
        meter=meter,
    )
    with measure_turn("build"), capacity.turn(user.id):
        before = None if asked.spec is None else asked.spec.as_dict()
        output = await OutputSanitizer.for_request(asked.message, asked.context, before)
        scope = asyncio.timeout_at(deadline)
        try:
            async with scope:
                built = await build(
                    request=asked.message,
                    run=run,
                    timezone=asked.timezone,
                    before=asked.spec,
                    agents=AGENTS_BY_TIER[: entitlements.limit(user, "agents")],
                    max_items=MAP_LIMITS[entitlements.tier_of(user)].items,
                )
                built = await sanitize(built, output)
        except TimeoutError as error:
            raise (UpstreamTimeout() if scope.expired() else output.sanitize_problem(problem_of(error))) from None
        except Exception as error:  # noqa: BLE001 - the caller gets a problem, whatever the error
            raise output.sanitize_problem(problem_of(error)) from None
        if built.reason is not None:
            raise NotBuildable(reason=built.reason)
    return BuildAnswer(built, meter.usage)


async def sanitize(built: Built, output: OutputSanitizer) -> Built:
    """``built`` with every text in it that the model could have worded; all of them together are one turn's.

    Raises ``UpstreamError`` where nothing that could be a batch is left.
    """
    spec = None if built.spec is None else built.spec.as_dict()
    places = [] if spec is None else list(_texts_in(spec))
    texts = [built.reason or "", built.explanation, *built.questions, *built.warnings]
    shown = await output.sanitize_value([*texts, *(node[key] for node, key in places)])
    for (node, key), text in zip(places, shown[len(texts) :], strict=True):
        node[key] = text
    questions = 2 + len(built.questions)
    try:
        cleaned = None if spec is None else BatchSpec.model_validate(_with_ids(spec))
    except ValueError:
        raise UpstreamError("The language model returned no valid batch.") from None
    return replace(
        built,
        spec=cleaned,
        explanation=shown[1],
        questions=shown[2:questions],
        warnings=shown[questions : len(texts)],
        reason=None if built.reason is None else shown[0],
    )


def _texts_in(spec: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Where the free texts of a spec are, as (container, key). What is left are names of the vocabulary, numbers, times
    and ids of the user's own.
    """
    yield spec, "name"
    fields = FIELDS[spec["selection"]["table"]]
    for condition in spec["selection"]["where"]:
        kind = fields[condition["field"]].kind
        if kind not in {FieldKind.TEXT, FieldKind.ID}:
            continue
        if isinstance(condition["value"], str):
            yield condition, "value"
        elif isinstance(condition["value"], list):
            yield from ((condition["value"], index) for index in range(len(condition["value"])))
    for step in spec["steps"]:
        yield step, "id"
        yield step, "instruction"


def _with_ids(spec: dict[str, Any]) -> dict[str, Any]:
    """A step whose id has told something gets a plain one."""
    steps = [
        step if step["id"].isidentifier() else {**step, "id": f"redacted_{number}"}
        for number, step in enumerate(spec["steps"], 1)
    ]
    return {**spec, "steps": steps}
