"""The prompt templates: their variables, the registry by the ids that plans use, and the messages to the model.

A template's text is in ``agents/prompts/templates`` and never leaves the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents import prompting, prompts
from agents.llm import messages as message
from agents.llm.messages import Message
from agents.registry import registry
from agents.run_context import RunContext
from agents.tools.arguments import IsoDate, RecordId
from chat.plans import extractions
from chat.plans.extractions import ExtractedTasks, Extraction, WeeklyNote
from chat.requests import MAX_MESSAGE_CHARACTERS

MAX_PROJECT_CHARACTERS = 64_000
MAX_TASKS = 100
# The length of variables is validated before, and half a project must not pass for the whole.
_NO_LIMIT = 1 << 30
_BEGIN = "Answer now, with the JSON object only."
_NOT_VALID = "That is not valid: {problem}. Send the whole JSON object again, corrected, and nothing else."
_MAX_REPEATED_CHARACTERS = 20_000
# The sentences to the model that are in no prompt file.
MODEL_SENTENCES = (_BEGIN, _NOT_VALID)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("this may not be blank")
    return text


class TemplateVariables(BaseModel):
    """Base of all. Unknown names are refused, since a typo would otherwise go unnoticed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RequestVariables(TemplateVariables):
    """For the templates that let an agent answer a message."""

    message: Annotated[
        str,
        Field(min_length=1, max_length=MAX_MESSAGE_CHARACTERS, description="What the user asks for."),
        AfterValidator(_not_blank),
    ]


class ExtractionVariables(TemplateVariables):
    """Without ``project_text`` the project is taken from ``context.projects``: the only one, or ``project_id``."""

    project_text: Annotated[
        str | None,
        Field(max_length=MAX_PROJECT_CHARACTERS, description="The project's text; without it the context is used."),
    ] = None
    project_id: Annotated[
        RecordId | None, Field(description="One of context.projects; the tasks are assigned to it.")
    ] = None
    max_tasks: Annotated[int, Field(ge=1, le=MAX_TASKS, description="The maximum number of tasks.")] = 20


class WeeklyVariables(TemplateVariables):
    week_of: Annotated[IsoDate | None, Field(description="Any day of the week; the current week if absent.")] = None
    focus: Annotated[str | None, Field(max_length=500, description="What the summary should emphasise.")] = None


class BadVariablesError(ValueError):
    """``errors`` maps each wrong variable to its messages."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """``agent`` does the work, which decides the tiers; ``extracts`` is None where it answers a message.

    The text is ``agents/prompts/templates/<template_id>.txt``.
    """

    template_id: str
    agent: str
    variables: type[TemplateVariables]
    extracts: type[Extraction] | None = None

    @property
    def prompt(self) -> str:
        return prompts.load(f"templates/{self.template_id}")

    def validate_variables(self, values: Mapping[str, Any]) -> TemplateVariables:
        """Raises ``BadVariablesError``."""
        try:
            return self.variables.model_validate(dict(values))
        except ValidationError as error:
            raise BadVariablesError(self._messages_by_variable(error)) from None

    def _messages_by_variable(self, error: ValidationError) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = {}
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(item["loc"][0]) if item["loc"] else "variables"
            message = f"{item['msg'].removeprefix('Value error, ')}."
            if item["type"] == "extra_forbidden":
                message = f"{self.template_id} takes {', '.join(self.variables.model_fields)}."
            errors.setdefault(name, []).append(message[:1].upper() + message[1:])
        return errors


class PromptTemplateRegistry:
    """``templates`` is the one the app uses."""

    def __init__(self) -> None:
        self._templates: dict[str, PromptTemplate] = {}

    def register(self, template: PromptTemplate) -> PromptTemplate:
        """Raises ``ValueError`` for a second template of one id."""
        if self._templates.setdefault(template.template_id, template) is not template:
            raise ValueError(f"a template {template.template_id} is registered already")
        return template

    def get(self, template_id: str) -> PromptTemplate:
        """Raises ``KeyError``."""
        return self._templates[template_id]

    def list_templates(self) -> tuple[PromptTemplate, ...]:
        return tuple(self._templates.values())

    def default_of(self, agent: str) -> PromptTemplate:
        """The template that lets ``agent`` answer a message. Raises ``KeyError``."""
        return self.get(f"tpl_{agent}_default")


templates = PromptTemplateRegistry()

for _agent in ("task_agent", "checkpoint_agent", "project_agent", "note_agent"):
    templates.register(PromptTemplate(template_id=f"tpl_{_agent}_default", agent=_agent, variables=RequestVariables))
EXTRACT_TASKS = templates.register(
    PromptTemplate(
        template_id="tpl_task_extract_from_project",
        agent="task_agent",
        variables=ExtractionVariables,
        extracts=ExtractedTasks,
    )
)
WEEKLY_SUMMARY = templates.register(
    PromptTemplate(
        template_id="tpl_note_weekly_summary", agent="note_agent", variables=WeeklyVariables, extracts=WeeklyNote
    )
)


def request_messages(template: PromptTemplate, variables: RequestVariables, context: RunContext) -> list[Message]:
    """The agent's own instructions and those of the template, and the message in the user's role.

    The user wrote it, as in a chat, so it is the only variable without a fence.
    """
    instructions = [
        prompts.load(registry.get(template.agent).prompt),
        prompts.load("common"),
        template.prompt,
        prompting.now(context),
        prompting.data(context),
    ]
    return [
        message.system("\n\n".join(instructions)),
        *prompting.history(context),
        message.user(variables.message),
    ]


def extraction_messages(
    template: PromptTemplate, kind: type[Extraction], variables: TemplateVariables, context: RunContext
) -> list[Message]:
    """Instructions, the schema of the answer, and everything that the client sent in fences."""
    instructions = [
        template.prompt,
        prompts.load("templates/extraction"),
        f"# Schema of the answer\n{extractions.schema_text(kind)}",
        prompting.now(context),
        prompting.data(context),
        fence_variables(variables),
    ]
    return [message.system("\n\n".join(instructions)), message.user(_BEGIN)]


def repair_messages(messages: list[Message], answer: str, problem: str) -> list[Message]:
    """``messages`` again, with the ``problem`` of the ``answer`` to them."""
    repeated = [message.assistant(answer[:_MAX_REPEATED_CHARACTERS])] if answer.strip() else []
    return [*messages, *repeated, message.user(_NOT_VALID.format(problem=problem))]


def fence_variables(variables: TemplateVariables) -> str:
    given: dict[str, Any] = variables.model_dump(mode="json", exclude_none=True)
    return prompting.fence("variables", given, _NO_LIMIT)
