"""What an exception inside a turn means to the client, and what is written about it."""

import logging
import traceback

from adiuva.api.error_handler import as_problem
from adiuva.api.errors import Problem

logger = logging.getLogger(__name__)


def problem_of(error: Exception) -> Problem:
    """The problem to answer with.

    What nobody foresaw is logged: its type and where, never its text, which may quote what the user or the model wrote.
    """
    problem = as_problem(error)
    if problem is not error and problem.status >= 500:  # noqa: PLR2004
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("a chat turn failed: %s\n%s", type(error).__qualname__, stack, extra={"code": problem.code})
    return problem
