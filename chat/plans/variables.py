"""What a client may fill into a template, by its own names and of JSON's own types."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.tools.fields import IsoDate, RecordId
from chat.serializers import MAX_MESSAGE_CHARACTERS

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
