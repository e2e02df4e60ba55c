"""Fills a language's sentences: counts, days, states."""

from dataclasses import dataclass
from datetime import date, timedelta

from agents.offline.kinds import Kind
from agents.offline.language import Language


@dataclass(frozen=True, slots=True)
class Speaker:
    language: Language
    today: date

    def say(self, key: str, **values: str) -> str:
        return self.language.answers[key].format(**values)

    def status(self, value: str) -> str:
        return self.say("status done" if value == "done" else value)

    def count(self, kind: Kind, number: int) -> str:
        return self.say(f"one {kind}") if number == 1 else f"{number} {self.say(f'many {kind}')}"

    def day(self, value: str) -> str:
        """As "tomorrow (Monday, 23 November)", with the year where it is another one."""
        try:
            day = date.fromisoformat(value[:10])
        except ValueError:
            return value
        full = self.say(
            "day",
            weekday=self.say("weekdays").split()[day.weekday()],
            day=str(day.day),
            month=self.say("months").split()[day.month - 1],
            year=f" {day.year}" if day.year != self.today.year else "",
        )
        one = timedelta(days=1)
        near = {self.today: "today", self.today + one: "tomorrow", self.today - one: "yesterday"}.get(day)
        return self.say("near", near=self.say(near), day=full) if near else self.say("on day", day=full)


def shortened(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"
