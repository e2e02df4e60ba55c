"""Greetings and questions about the assistant itself."""

import re

from agents.offline_model.understanding import LANGUAGES

# What it says of itself, in every language.
HELP = "\n".join(language.answers["help"] for language in LANGUAGES)
_LONGEST = 200
_TALK = [
    (re.compile(pattern, re.IGNORECASE), language.answers[key].format(help=language.answers["help"]))
    for language in LANGUAGES
    for pattern, key in language.small_talk
]


def answer(request: str) -> str | None:
    """The answer to ``request`` if it is small talk and nothing else."""
    text = " ".join(re.sub(r"[^\w\s']", " ", request[:_LONGEST]).split())
    if not text:
        return LANGUAGES[0].answers["help"]
    return next((reply for pattern, reply in _TALK if pattern.fullmatch(text)), None)
