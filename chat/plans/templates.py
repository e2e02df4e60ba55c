"""The prompt templates there are, by the ids that plans name them with. Their texts never leave the server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agents import prompts
from chat.plans.extractions import ExtractedTasks, Extraction, WeeklyNote
from chat.plans.variables import ExtractionVariables, RequestVariables, TemplateVariables, WeeklyVariables


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
