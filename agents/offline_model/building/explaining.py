"""Says in words what a BatchSpec does."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.batches.spec.rrules import WEEKDAYS
from agents.batches.spec.vocabulary import FIELDS, FieldKind
from agents.offline_model.building.words.vocabulary import BuildingWords

Spec = Mapping[str, Any]
_WORKDAYS = "MO,TU,WE,TH,FR"
# More times than these are said by their distance.
_MOST_TIMES = 4
_HOURS_A_DAY = 24


class Explainer:
    """Explains specs that are valid. ``projects`` are names by ids."""

    def __init__(self, words: BuildingWords, projects: Mapping[str, str]) -> None:
        self.words = words
        self.projects = projects

    def explain(self, spec: Spec) -> str:
        return " ".join(
            [
                self._trigger(spec["trigger"]),
                *self._selection(spec),
                *self._steps(spec["steps"]),
                self.words.texts[f"approval {spec['approval']}"],
            ]
        )

    def _trigger(self, trigger: Spec) -> str:
        if trigger["kind"] == "manual":
            return self.words.texts["by hand"]
        if trigger["kind"] == "record_changed":
            return self.words.say("on change", one=self.words.texts[f"one {trigger['table']}"])
        day, _, time = trigger["anchor"].partition("T")
        parts = dict(part.split("=", 1) for part in trigger["rrule"].split(";"))
        minute = parts.get("BYMINUTE", time[3:5])
        hours = parts.get("BYHOUR", time[:2]).split(",")
        return self.words.say(
            self._key(parts, hours),
            when=self._when(parts, day),
            times=self.words.join(f"{int(hour):02}:{int(minute):02}" for hour in hours),
            timezone=trigger["timezone"],
            first=day,
        )

    def _key(self, parts: Mapping[str, str], hours: Sequence[str]) -> str:
        if parts.get("COUNT") == "1":
            return "on once"
        return "on hours" if parts["FREQ"] == "DAILY" and _is_even(hours) else "on schedule"

    def _when(self, parts: Mapping[str, str], day: str) -> str:
        frequency = parts["FREQ"].lower()
        hours = parts.get("BYHOUR", "").split(",")
        if frequency == "daily" and _is_even(hours):
            apart = _HOURS_A_DAY // len(hours)
            return self.words.texts["hourly"] if apart == 1 else self.words.say("every n hours", n=apart)
        if "BYMONTH" in parts:
            return self.words.say("yearly", day=day[5:])
        every = int(parts.get("INTERVAL", "1"))
        if frequency == "weekly" and parts.get("BYDAY") == _WORKDAYS and every == 1:
            return self.words.texts["workdays"]
        days = self.words.join(self._days(parts)) if frequency != "daily" else ""
        return self.words.say(f"every n {frequency}" if every > 1 else frequency, n=every, days=days)

    def _days(self, parts: Mapping[str, str]) -> Iterator[str]:
        if "BYSETPOS" in parts and parts.get("BYDAY") == _WORKDAYS:
            yield self.words.say("working day", nth=self._nth(int(parts["BYSETPOS"])))
            return
        names = self.words.texts["weekdays"].split()
        for text in filter(None, parts.get("BYDAY", "").split(",")):
            nth, name = text[:-2], names[WEEKDAYS.index(text[-2:])]
            yield self.words.say("nth weekday", nth=self._nth(int(nth)), day=name) if nth else name
        for number in filter(None, parts.get("BYMONTHDAY", "").split(",")):
            yield self.words.texts["last day"] if number == "-1" else self.words.say("nth day", n=number)

    def _nth(self, number: int) -> str:
        return self.words.texts["last"] if number < 0 else self.words.texts["nths"].split()[number - 1]

    def _selection(self, spec: Spec) -> Iterator[str]:
        selection = spec["selection"]
        # Steps that only make something new need no records.
        if all(tool.startswith("create_") for step in spec["steps"] for tool in step["tools"]):
            return
        many = self.words.texts[selection["table"]]
        conditions = [self._condition(selection["table"], condition) for condition in selection["where"]]
        if conditions:
            yield self.words.say(
                "takes some", limit=selection["limit"], many=many, conditions=self.words.join(conditions)
            )
        else:
            yield self.words.say("takes all", limit=selection["limit"], many=many)

    def _condition(self, table: str, condition: Spec) -> str:
        op, value = condition["op"], condition["value"]
        key = "is_not_empty" if op == "is_empty" and value is False else op
        if op == "within_days" and FIELDS[table][condition["field"]].is_past:  # type: ignore[index]  # of a valid spec
            key = "past within_days"
        if value == 0 and f"{key} 0" in self.words.texts:
            key = f"{key} 0"
        values = value if isinstance(value, list) else [value]
        said = self.words.join((self._value(table, condition["field"], each) for each in values), "or")
        field = self.words.texts.get(condition["field"], condition["field"])
        return self.words.say(key, field=field, value=said)

    def _value(self, table: str, field: str, value: Any) -> str:
        if field == "project_id":
            return f"“{self.projects.get(str(value), value)}”"
        is_choice = FIELDS[table][field].kind in (FieldKind.CHOICE, FieldKind.FLAG)  # type: ignore[index]
        return self.words.texts.get(str(value).lower(), str(value)) if is_choice else str(value)

    def _steps(self, steps: list[Spec]) -> Iterator[str]:
        for number, step in enumerate(steps):
            key = "each" if step["type"] == "map" else ("agent" if number else "only agent")
            yield self.words.say(key, instruction=step["instruction"])


def _is_even(hours: Sequence[str]) -> bool:
    """So many times that they are better said by their distance, which is always the same."""
    apart = _HOURS_A_DAY // len(hours)
    return len(hours) > _MOST_TIMES and hours == [str(hour) for hour in range(0, _HOURS_A_DAY, apart)]
