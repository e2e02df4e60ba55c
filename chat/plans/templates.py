"""What a client may fill into a template, by its own names and of JSON's own types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents import prompting, prompts
from agents.llm import messages as message
from agents.llm.messages import Message
from agents.registry import registry
from agents.run_context import RunContext
from agents.tools.fields import IsoDate, RecordId
from chat.plans import extractions
from chat.plans.extractions import ExtractedTasks, Extraction, WeeklyNote
from chat.requests import MAX_MESSAGE_CHARACTERS

MAX_PROJECT_CHARACTERS = 64_000
MAX_TASKS = 100


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("this may not be blank")
    return text


class TemplateVariables(BaseModel):
    """Base of all: a name the template does not take is refused, since a typo would otherwise go unseen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RequestVariables(TemplateVariables):
    """For the templates that put a request to an agent."""

    message: Annotated[
        str,
        Field(min_length=1, max_length=MAX_MESSAGE_CHARACTERS, description="What the user asks for."),
        AfterValidator(_not_blank),
    ]


class ExtractionVariables(TemplateVariables):
    """Without ``project_text`` the project is read from ``context.projects``: the one there, or ``project_id``."""

    project_text: Annotated[
        str | None,
        Field(max_length=MAX_PROJECT_CHARACTERS, description="The project in words; the context serves without it."),
    ] = None
    project_id: Annotated[RecordId | None, Field(description="One of context.projects; the tasks are put into it.")] = (
        None
    )
    max_tasks: Annotated[int, Field(ge=1, le=MAX_TASKS, description="At most so many tasks.")] = 20


class WeeklyVariables(TemplateVariables):
    week_of: Annotated[IsoDate | None, Field(description="A day of the week meant; the current one if absent.")] = None
    focus: Annotated[str | None, Field(max_length=500, description="What the summary shall dwell on.")] = None


class BadVariablesError(ValueError):
    """``errors`` maps each variable that is wrong to what is wrong with it."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTemplate:
    """``agent`` is whose work it is, which decides the tiers that have it; ``extracts`` is None where an agent answers.

    The text is ``agents/prompts/templates/<template_id>.txt``.
    """

    template_id: str
    agent: str
    variables: type[TemplateVariables]
    extracts: type[Extraction] | None = None

    @property
    def prompt(self) -> str:
        return prompts.load(f"templates/{self.template_id}")

    def validated(self, values: Mapping[str, Any]) -> TemplateVariables:
        """Raises ``BadVariablesError``."""
        try:
            return self.variables.model_validate(dict(values))
        except ValidationError as error:
            raise BadVariablesError(self._explained(error)) from None

    def _explained(self, error: ValidationError) -> dict[str, list[str]]:
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
        """The template that puts a request to ``agent``. Raises ``KeyError``."""
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


# Their length was checked with the variables, and a project of which half is missing would not be told.
_NO_LIMIT = 1 << 30
_BEGIN = "Answer now, with the JSON object only."
_NOT_VALID = "That is not valid: {problem}. Send the whole JSON object again, corrected, and nothing else."
_MOST_REPEATED = 20_000
# What is said to the model beside the prompt files.
MODEL_SENTENCES = (_BEGIN, _NOT_VALID)


def request_messages(template: PromptTemplate, variables: RequestVariables, context: RunContext) -> list[Message]:
    """The agent's own instructions with those of the template, and the message as a user's message.

    It is as much the user's word here as it is in a chat, and so the one variable that no fence holds.
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
    """Instructions, the shape of the answer, and everything that the client sent in fences."""
    instructions = [
        template.prompt,
        prompts.load("templates/extraction"),
        f"# Schema of the answer\n{extractions.schema_text(kind)}",
        prompting.now(context),
        prompting.data(context),
        fence_variables(variables),
    ]
    return [message.system("\n\n".join(instructions)), message.user(_BEGIN)]


def repair_messages(asked: list[Message], answer: str, problem: str) -> list[Message]:
    """``asked`` again, with what was wrong with the ``answer`` to it."""
    said = [message.assistant(answer[:_MOST_REPEATED])] if answer.strip() else []
    return [*asked, *said, message.user(_NOT_VALID.format(problem=problem))]


def fence_variables(variables: TemplateVariables) -> str:
    given: dict[str, Any] = variables.model_dump(mode="json", exclude_none=True)
    return prompting.fence("variables", given, _NO_LIMIT)
