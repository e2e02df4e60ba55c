"""Builds a batch: asks the model, sends back once what is wrong, and checks what comes."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from adiuva.api.errors import UpstreamError
from agents.batches.builder import answers, prompt
from agents.batches.builder.answers import Draft, InvalidAnswerError
from agents.batches.builder.checks import Circumstances, check, names_by_table
from agents.batches.builder.revisions import keep_unasked
from agents.batches.builder.wording import is_in_another_language, wording_for
from agents.batches.spec.batch_spec import BatchSpec
from agents.llm.factory import get_llm
from agents.llm.messages import Message
from agents.run_context import RunContext
from agents.tools.records import RunRecords

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """``spec`` is None where there are questions only, and where ``reason`` says why it can be no batch."""

    spec: BatchSpec | None
    explanation: str
    questions: list[str]
    warnings: list[str]
    reason: str | None = None


async def build(
    *, request: str, run: RunContext, timezone: str, before: BatchSpec | None, agents: Collection[str], max_items: int
) -> Built:
    """``request`` is the user's sentence; ``before`` is the batch to change.

    ``run.timezone`` is the IANA zone ``timezone``. ``agents`` and ``max_items`` are what the user's tier includes.
    Raises ``UpstreamError`` when the model's second answer is no batch either, and what ``LanguageModel.stream`` does.
    """
    records = RunRecords.of(run.data, request)
    draft = await _ask(prompt.messages(request, run, before), run, timezone, records)
    if not draft.buildable:
        return Built(spec=None, explanation="", questions=[], warnings=[], reason=draft.reason)
    if draft.spec is None:
        return Built(spec=before, explanation=draft.explanation, questions=draft.questions, warnings=draft.warnings)
    spec = draft.spec
    if before is not None:
        spec = keep_unasked(spec, before, message=request, now=run.now, timezone=timezone)
    circumstances = Circumstances(
        message=request,
        now=run.now,
        timezone=timezone,
        records=records,
        agents=agents,
        max_items=max_items,
        before=before,
    )
    checked = check(spec, circumstances, wording_for(request, draft.explanation))
    return Built(
        spec=checked.spec,
        explanation=draft.explanation,
        questions=_each_once(draft.questions or checked.questions),
        warnings=_each_once([*checked.warnings, *draft.warnings]),
    )


async def _ask(messages: list[Message], run: RunContext, timezone: str, records: RunRecords) -> Draft:
    request = str(messages[-1]["content"])
    names = names_by_table(records)

    def read(answer: str) -> Draft:
        draft = answers.parse(answer, now=run.now, timezone=timezone, names=names)
        if is_in_another_language(draft.explanation, than=request):
            raise InvalidAnswerError("explanation: it must be in the language of the user's message", draft)
        return draft

    answer = await _complete(messages, run)
    try:
        return read(answer)
    except InvalidAnswerError as error:
        logger.info("a batch is sent back")
        messages = prompt.repair_messages(messages, answer, str(error))
    try:
        return read(await _complete(messages, run))
    except InvalidAnswerError as error:
        if error.fallback is not None:
            return error.fallback
        raise UpstreamError("The language model returned no valid batch.") from None


async def _complete(messages: list[Message], run: RunContext) -> str:
    llm = get_llm(run.model, provider=run.provider)
    reply = await llm.complete(messages, schema=prompt.answer_schema(), deadline=run.deadline, meter=run.meter)
    return reply.text


def _each_once(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))
