"""Runs a plan template, which is how a client carries out an ``llm`` step."""

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
from agents.llm.own_keys import OwnProvider
from agents.llm.port import Usage
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
        """``{result, usage}`` of docs/api.md."""
        return {"result": self.result, "usage": self.usage.as_dict()}


async def run_template(
    *,
    template: PromptTemplate,
    variables: TemplateVariables,
    context: Mapping[str, Any],
    user: User,
    meter: Meter,
    model: str | None = None,
    provider: OwnProvider | None = None,
) -> TemplateRun:
    """``context`` is a validated ChatContext; the whole run has ``LLM_TIMEOUT_SECONDS``. ``meter`` has its usage.
    ``model`` is one of the operator's, the default one if None, unless there is the user's own ``provider``.

    Raises only ``Problem``: ``ValidationFailed`` when variables and context do not fit together, ``UpstreamError``
    when the second answer of the model has no valid records either, and the problems of ``LanguageModel.stream``.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    run = RunContext.of(context, model=model, provider=provider, deadline=deadline, meter=meter)
    with measure_turn("template"), capacity.turn(user.id):
        output = await OutputSanitizer.for_request(variables.model_dump(mode="json"), context)
        scope = asyncio.timeout_at(deadline)
        try:
            async with scope:
                if template.extracts is not None:
                    result: Result = await _extract(template, template.extracts, variables, run, output)
                else:
                    result = await _run_agent(template, variables, run, user, output)
        except TimeoutError as error:
            raise (UpstreamTimeout() if scope.expired() else output.sanitize_problem(problem_of(error))) from None
        except Exception as error:  # noqa: BLE001 - the caller gets a problem, whatever the error
            raise output.sanitize_problem(problem_of(error)) from None
    return TemplateRun(result, meter.usage)


async def _extract(
    template: PromptTemplate,
    kind: type[Extraction],
    variables: TemplateVariables,
    run: RunContext,
    output: OutputSanitizer,
) -> list[dict[str, Any]]:
    added: dict[str, Any] = {}
    max_records = extractions.MAX_RECORDS
    if isinstance(variables, ExtractionVariables):
        max_records = variables.max_tasks
        variables = variables.model_copy(update={"project_id": _project_id(variables, run.data)})
        # The id is taken from the client's own data, because the model might alter it.
        added = {"project_id": variables.project_id} if variables.project_id else {}
    extraction = await _complete_extraction(templates.extraction_messages(template, kind, variables, run), kind, run)
    records = await output.sanitize_value(extraction.as_list()[:max_records])
    return [{**record, **added} for record in records]


async def _complete_extraction(messages: list[Message], kind: type[Extraction], run: RunContext) -> Extraction:
    """The model's records; an answer that does not match the schema is sent back once, with what is wrong with it."""
    answer = await _complete(messages, kind, run)
    try:
        return extractions.parse(answer, kind)
    except InvalidExtractionError as error:
        logger.info("a template's answer is sent back", extra={"shape": kind.__name__})
        messages = templates.repair_messages(messages, answer, str(error))
    try:
        return extractions.parse(await _complete(messages, kind, run), kind)
    except InvalidExtractionError:
        raise UpstreamError("The language model returned no valid records.") from None


async def _complete(messages: list[Message], kind: type[Extraction], run: RunContext) -> str:
    schema = extractions.schema(kind)
    llm = get_llm(run.model, provider=run.provider)
    reply = await llm.complete(messages, schema=schema, deadline=run.deadline, meter=run.meter)
    return reply.text


async def _run_agent(
    template: PromptTemplate, variables: TemplateVariables, run: RunContext, user: User, output: OutputSanitizer
) -> dict[str, Any]:
    assert isinstance(variables, RequestVariables)  # noqa: S101 - a template that extracts nothing takes a message
    agent = registry.get(template.agent)(user_id=user.id)
    messages = templates.request_messages(template, variables, run)
    records = RunRecords.of(run.data, variables.message)
    texts: list[str] = []
    actions: list[dict[str, Any]] = []
    llm = get_llm(run.model, provider=run.provider)
    async with aclosing(tool_loop.run(llm, messages, agent.get_tools(), context=run, records=records)) as events:
        async for event in events:
            match event:
                case TextDelta(text):
                    texts.append(text)
                case ActionEmitted(action):
                    actions.append((await output.sanitize_action(action)).as_dict())
    return {"response": await output.sanitize_value("".join(texts)), "actions": actions}


def _project_id(variables: ExtractionVariables, context: Mapping[str, Any]) -> str | None:
    """The project of the tasks, None for a project given as text. Raises ``ValidationFailed`` if it is unclear."""
    known = [str(row["id"]) for row in context.get("projects", ()) if isinstance(row.get("id"), str | int)]
    project_id = variables.project_id
    has_text = bool(variables.project_text and variables.project_text.strip())
    if project_id is not None:
        if not has_text and project_id not in known:
            raise ValidationFailed({"variables.project_id": ["context.projects contains no project with this id."]})
        return project_id
    if has_text:
        return None
    if not context.get("projects"):
        raise ValidationFailed(
            {"variables.project_text": ["Send the project's text, or the project in context.projects."]}
        )
    if len(known) > 1:
        raise ValidationFailed(
            {"variables.project_id": ["context.projects contains several projects; name one of them."]}
        )
    return known[0] if known else None
