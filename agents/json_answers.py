"""The JSON in a model's answer, whatever text is around it: not every model can be held to a schema."""

from typing import Any

from adiuva.api import json
from adiuva.api.errors import ValidationFailed


def json_in(answer: str) -> Any:
    """Raises ``ValueError`` that says what is wrong without quoting the answer."""
    for candidate in _candidates(answer):
        try:
            return json.loads(candidate)
        except ValidationFailed:
            continue
    raise ValueError("the answer is not valid JSON")


def _candidates(answer: str) -> list[str]:
    """The whole answer, and the text from the first bracket to the last one that could close it."""
    spans = [(answer.find(opening), answer.rfind(closing)) for opening, closing in ("{}", "[]")]
    return [answer, *(answer[start : end + 1] for start, end in sorted(spans) if 0 <= start < end)]
