"""The markers that models put around reasoning and around the turns of a conversation."""

from dataclasses import dataclass
from enum import Enum

from chat.sanitizer.folding import plain

TAG_NAMES = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "internal_monologue",
    "chain_of_thought",
    "antthinking",
    "seed:think",
)
# Opener and closer of each family; the first ones are Llama's, Mistral's, Kimi's and Gemma's.
_PAIRS = {
    "inst": ("[INST]", "[/INST]"),
    "sys": ("<<SYS>>", "<</SYS>>"),
    "bracket": ("[THINK]", "[/THINK]"),
    "triangle": ("◁think▷", "◁/think▷"),
    "turn": ("<start_of_turn>", "<end_of_turn>"),
}
_CONTROL_OPENERS = (
    "im_start",
    "start",
    "channel",
    "message",
    "start_header_id",
    "system",
    "user",
    "assistant",
    "begin_of_thought",
    "thinking",
)
_CONTROL_CLOSERS = ("im_end", "end", "return", "eot_id", "end_of_text", "endoftext", "end_of_thought", "/thinking")


class Role(Enum):
    OPENS = "opens"
    CLOSES = "closes"
    STANDS_ALONE = "stands alone"


@dataclass(frozen=True, slots=True)
class Marker:
    """``text`` is squeezed. Only a closer of its own ``family`` ends what an opener opens."""

    text: str
    family: str
    role: Role


def _all() -> dict[str, Marker]:
    found: dict[str, Marker] = {}

    def add(text: str, family: str, role: Role) -> None:
        squeezed = plain(text).replace(" ", "")
        found[squeezed] = Marker(squeezed, family, role)

    for name in TAG_NAMES:
        for left, right in (("<", ">"), ("&lt;", "&gt;")):
            add(f"{left}{name}{right}", "tag", Role.OPENS)
            add(f"{left}/{name}{right}", "tag", Role.CLOSES)
            add(f"{left}{name}/{right}", "tag", Role.STANDS_ALONE)
    for family, (opener, closer) in _PAIRS.items():
        add(opener, family, Role.OPENS)
        add(closer, family, Role.CLOSES)
    for name in _CONTROL_OPENERS:
        add(f"<|{name}|>", "control", Role.OPENS)
    for name in _CONTROL_CLOSERS:
        add(f"<|{name}|>", "control", Role.CLOSES)
    return found


MARKERS = _all()
PREFIXES = frozenset(text[:length] for text in MARKERS for length in range(1, len(text) + 1))
STARTS = frozenset(text[0] for text in MARKERS)
