"""What a template's run says to the model."""

from typing import Any

from agents import prompting, prompts
from agents.llm import messages as message
from agents.llm.messages import Message
from agents.registry import registry
from agents.run_context import RunContext
from chat.plans import extractions
from chat.plans.extractions import Extraction
from chat.plans.templates import PromptTemplate
from chat.plans.variables import RequestVariables, TemplateVariables

# Their length was checked with the variables, and a project of which half is missing would not be told.
_NO_LIMIT = 1 << 30
_BEGIN = "Answer now, with the JSON object only."
_NOT_VALID = "That is not valid: {problem}. Send the whole JSON object again, corrected, and nothing else."
_MOST_REPEATED = 20_000
# What is said to the model beside the prompt files.
SENTENCES = (_BEGIN, _NOT_VALID)


def request(template: PromptTemplate, variables: RequestVariables, context: RunContext) -> list[Message]:
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


def extraction(
    template: PromptTemplate, kind: type[Extraction], variables: TemplateVariables, context: RunContext
) -> list[Message]:
    """Instructions, the shape of the answer, and everything that the client sent in fences."""
    instructions = [
        template.prompt,
        prompts.load("templates/extraction"),
        f"# Schema of the answer\n{extractions.in_words(kind)}",
        prompting.now(context),
        prompting.data(context),
        fenced(variables),
    ]
    return [message.system("\n\n".join(instructions)), message.user(_BEGIN)]


def repair(asked: list[Message], answer: str, problem: str) -> list[Message]:
    """``asked`` again, with what was wrong with the ``answer`` to it."""
    said = [message.assistant(answer[:_MOST_REPEATED])] if answer.strip() else []
    return [*asked, *said, message.user(_NOT_VALID.format(problem=problem))]


def fenced(variables: TemplateVariables) -> str:
    given: dict[str, Any] = variables.model_dump(mode="json", exclude_none=True)
    return prompting.fence("variables", given, _NO_LIMIT)
