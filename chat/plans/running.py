"""Runs a template: how a client carries out an ``llm`` step."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import UpstreamError, UpstreamTimeout, ValidationFailed
from agents import tool_loop
from agents.events import ActionEmitted, TextDelta
from agents.llm.factory import get_llm
from agents.llm.messages import Message
from agents.llm.meter import Meter
from agents.llm.replies import Usage
from agents.registry import registry
from agents.run_context import RunContext
from agents.tools.records import RunRecords
from chat.plans import extractions, templates
from chat.plans.extractions import Extraction, InvalidExtractionError
from chat.plans.templates import ExtractionVariables, PromptTemplate, RequestVariables, TemplateVariables
from chat.sanitizer.output import OutputSanitizer
from chat.turns import capacity, measure_turn, problem_of

logger = logging.getLogger(__name__)


# Records from an extracting template, ``{response, actions}`` from an agent's.
Result = list[dict[str, Any]] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateRun:
    result: Result
    usage: Usage

    def as_dict(self) -> dict[str, Any]:
        """``{result, usage}`` of the wire contract."""
        return {"result": self.result, "usage": self.usage.as_dict()}


async def run_template(
    *, template: PromptTemplate, variables: TemplateVariables, context: Mapping[str, Any], user: User, meter: Meter
) -> TemplateRun:
    """``context`` is a validated ChatContext; the whole run has ``LLM_TIMEOUT_SECONDS``. ``meter`` knows its cost.

    Raises only ``Problem``: ``ValidationFailed`` where variables and context do not go together, ``UpstreamError``
    where the model gives no valid records after a second try, and the problems of ``LanguageModel.stream``.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    run = RunContext.of(context, deadline=deadline, meter=meter)
    with measure_turn("template"), capacity.turn():
        speech = await OutputSanitizer.about(variables.model_dump(mode="json"), context)
        scope = asyncio.timeout_at(deadline)
        try:
            async with scope:
                if template.extracts is not None:
                    result: Result = await _extract(template, template.extracts, variables, run, speech)
                else:
                    result = await _carry_out(template, variables, run, user, speech)
        except TimeoutError as error:
            raise (UpstreamTimeout() if scope.expired() else speech.problem(problem_of(error))) from None
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
            raise speech.problem(problem_of(error)) from None
    return TemplateRun(result, meter.usage)


async def _extract(
    template: PromptTemplate,
    kind: type[Extraction],
    variables: TemplateVariables,
    run: RunContext,
    speech: OutputSanitizer,
) -> list[dict[str, Any]]:
    added: dict[str, Any] = {}
    most = extractions.MAX_RECORDS
    if isinstance(variables, ExtractionVariables):
        most = variables.max_tasks
        variables = variables.model_copy(update={"project_id": _project_id(variables, run.data)})
        # The id comes from the client's own data and not by way of the model, which might alter it.
        added = {"project_id": variables.project_id} if variables.project_id else {}
    extraction = await _ask(templates.extraction_messages(template, kind, variables, run), kind, run)
    records = await speech.value(extraction.as_list()[:most])
    return [{**record, **added} for record in records]


async def _ask(messages: list[Message], kind: type[Extraction], run: RunContext) -> Extraction:
    """The model's records; an answer that is not of the shape is sent back once with what is wrong with it."""
    answer = await _answer(messages, kind, run)
    try:
        return extractions.parse(answer, kind)
    except InvalidExtractionError as error:
        logger.info("a template's answer is sent back", extra={"shape": kind.__name__})
        messages = templates.repair_messages(messages, answer, str(error))
    try:
        return extractions.parse(await _answer(messages, kind, run), kind)
    except InvalidExtractionError:
        raise UpstreamError("The language model gave no valid records.") from None


async def _answer(messages: list[Message], kind: type[Extraction], run: RunContext) -> str:
    schema = extractions.schema(kind)
    reply = await get_llm().complete(messages, schema=schema, deadline=run.deadline, meter=run.meter)
    return reply.text


async def _carry_out(
    template: PromptTemplate, variables: TemplateVariables, run: RunContext, user: User, speech: OutputSanitizer
) -> dict[str, Any]:
    assert isinstance(variables, RequestVariables)  # noqa: S101 - what extracts nothing takes a request
    agent = registry.get(template.agent)(user_id=user.id)
    messages = templates.request_messages(template, variables, run)
    records = RunRecords.of(run.data, variables.message)
    said: list[str] = []
    actions: list[dict[str, Any]] = []
    async with aclosing(tool_loop.run(get_llm(), messages, agent.get_tools(), context=run, records=records)) as events:
        async for event in events:
            match event:
                case TextDelta(text):
                    said.append(text)
                case ActionEmitted(action):
                    actions.append((await speech.action(action)).as_dict())
    return {"response": await speech.value("".join(said)), "actions": actions}


def _project_id(variables: ExtractionVariables, context: Mapping[str, Any]) -> str | None:
    """The project the tasks belong to, None for a text of its own. Raises ``ValidationFailed``: none, or several."""
    known = [str(row["id"]) for row in context.get("projects", ()) if isinstance(row.get("id"), str | int)]
    wanted = variables.project_id
    if wanted is not None:
        if wanted not in known:
            raise ValidationFailed({"variables.project_id": ["context.projects holds no project of this id."]})
        return wanted
    if variables.project_text and variables.project_text.strip():
        return None
    if not context.get("projects"):
        raise ValidationFailed({"variables.project_text": ["Give the project's text, or send it in context.projects."]})
    if len(known) > 1:
        raise ValidationFailed({"variables.project_id": ["context.projects holds several projects; name one of them."]})
    return known[0] if known else None
