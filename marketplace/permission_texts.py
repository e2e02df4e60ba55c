"""What a plugin's permissions let it do, in words for people who decide about it."""

from typing import Final

_VERBS: Final = {"read": "See", "write": "Create, change and delete"}
_THINGS: Final = {
    "tasks": "tasks",
    "projects": "projects",
    "notes": "notes",
    "checkpoints": "checkpoints (states of work to come back to)",
    "calendar": "calendar entries",
}
UNKNOWN: Final = "Unknown: no such permission exists"


def in_words(permission: str) -> str:
    """``"read:notes"`` is ``"See the user's notes"``."""
    verb, _, thing = permission.partition(":")
    if verb not in _VERBS or thing not in _THINGS:
        return UNKNOWN
    return f"{_VERBS[verb]} the user’s {_THINGS[thing]}"
