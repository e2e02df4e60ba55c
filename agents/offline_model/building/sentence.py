"""What is left of a sentence while its parts are read off it, one after another."""

import re
from dataclasses import dataclass

Match = re.Match[str]
_LOOSE = re.compile(r"^[\s,;:.!–-]+|[\s,;:–-]+$")


@dataclass(slots=True)
class Sentence:
    """``text`` has its quotes taken out (``clauses.Quotes``) and one space between words."""

    text: str

    def take(self, pattern: re.Pattern[str]) -> Match | None:
        """What ``pattern`` finds first; the sentence goes on without it."""
        match = pattern.search(self.text)
        if match is not None:
            before, after = self.text[: match.start()].rstrip(" ,"), self.text[match.end() :].lstrip(" ,")
            self.text = _LOOSE.sub("", f"{before} {after}".strip())
        return match
