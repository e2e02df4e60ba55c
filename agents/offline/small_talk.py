"""Greetings and questions about the assistant itself."""

import re

HELP = (
    "I can look after your tasks. Try “create a task to buy milk tomorrow, high priority”, “what is due today?”, "
    "“mark buy milk as done”, “move buy milk to Friday”, “comment on buy milk: oat milk, please” or "
    "“delete the task buy milk”."
)
_PATTERNS = [
    (
        r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|howdy)(?: there| adiuva)?",
        f"Hello! {HELP}",
    ),
    (r"(?:thanks?|thank you|thx|cheers|great|perfect|nice)(?: (?:a lot|so much|very much|you))*", "You’re welcome!"),
    (r"(?:bye|goodbye|see you|good night)(?: later| soon)?", "Goodbye!"),
    (r"how are you(?: doing)?(?: today)?", f"I’m well, thank you. {HELP}"),
    (
        r"(?:help(?: me)?|what (?:can|do) you do|(?:who|what) are you|how do(?:es)? (?:this|you|it) work)(?: for me)?",
        HELP,
    ),
]
_TALK = [(re.compile(pattern, re.IGNORECASE), answer) for pattern, answer in _PATTERNS]


def answer(request: str) -> str | None:
    """The answer to ``request`` if it is small talk and nothing else."""
    text = " ".join(re.sub(r"[^\w\s']", " ", request[:200]).split())
    if not text:
        return HELP
    return next((reply for pattern, reply in _TALK if pattern.fullmatch(text)), None)
