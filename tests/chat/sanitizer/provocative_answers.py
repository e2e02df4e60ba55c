"""Two hundred long honest answers about what a careless sanitizer would cut: prompts, agents, schemas, tags, tables.

In English, German and Italian; put together from the parts in ``provocative_parts.txt``, each answer from others.
"""

import random
from collections.abc import Iterator
from pathlib import Path

COUNT = 200
_PARTS_AN_ANSWER = 8


def provocative_answers() -> Iterator[str]:
    text = (Path(__file__).parent / "provocative_parts.txt").read_text(encoding="utf-8")
    parts = [part.strip() for part in text.split("%%")]
    dice = random.Random(13)  # noqa: S311 - reproducible
    for _ in range(COUNT):
        yield "\n\n".join(dice.sample(parts, _PARTS_AN_ANSWER))
