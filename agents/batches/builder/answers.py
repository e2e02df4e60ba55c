"""The model's answer, and what may be put right in it without asking the model again.

Put right is what has one meaning only: a name for an id, one value where a list is due, an anchor some days before the
first that the rule names. What is unknown, a tool or a field, is refused.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agents.batches.spec import rrules
from agents.batches.spec.batch_spec import VERSION, BatchSpec, problems_of
from agents.batches.spec.schedules import due_after, zone_of
from agents.batches.spec.vocabulary import FIELDS, TABLES, FieldKind
from agents.batches.spec.vocabulary import Field as RecordField
from agents.json_answers import json_in

MAX_TEXTS = 10
MAX_TEXT_CHARACTERS = 1_000
# Every rule names a day within these, if it ever does: 29 February may be eight years away.
_MOST_DAYS = 366 * 8 + 1


class InvalidAnswerError(Exception):
    """``str(error)`` tells the model what is wrong, without quoting what it said.

    ``fallback`` is what can be used of it where the next one is no better: questions can stand by themselves.
    """

    def __init__(self, problem: str, fallback: "Draft | None" = None) -> None:
        super().__init__(problem)
        self.fallback = fallback


def _text(value: Any) -> Any:
    return "" if value is None else value.strip() if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """Models write null for none, and one text instead of a list."""
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list):
        return values
    return [text for one in values if (text := _text(one)) != ""][:MAX_TEXTS]


Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
Texts = Annotated[list[Text], BeforeValidator(_texts)]


class _Answer(BaseModel):
    """Beside the spec nothing of it is acted upon, so what is not asked for is dropped."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)

    buildable: bool = True
    reason: Annotated[Text, BeforeValidator(_text)] = ""
    spec: dict[str, Any] | None = None
    explanation: Annotated[str, Field(max_length=4_000), BeforeValidator(_text)] = ""
    questions: Texts = []
    warnings: Texts = []


class Draft(BaseModel):
    """What the model wants: a spec where it has one, or questions, or the reason why it is no batch."""

    model_config = ConfigDict(frozen=True)

    buildable: bool
    reason: str
    spec: BatchSpec | None
    explanation: str
    questions: list[str]
    warnings: list[str]


def parse(answer: str, *, now: datetime, timezone: str, names: Mapping[str, Mapping[str, str]]) -> Draft:
    """Raises ``InvalidAnswerError``.

    ``now`` is aware; ``timezone`` is the user's, for a schedule that names none. ``names``: by table the ids of the
    records that the user's device has sent, by their names in small letters.
    """
    try:
        value = json_in(answer)
    except ValueError as error:
        raise InvalidAnswerError(str(error)) from None
    try:
        said = _Answer.model_validate(_envelope(value))
    except ValidationError as error:
        raise InvalidAnswerError(_describe(problems_of(error))) from None
    without_spec = Draft(**said.model_dump(exclude={"spec"}), spec=None)
    if not said.buildable and not said.reason:
        raise InvalidAnswerError("reason: it is missing")
    if not said.buildable or (said.spec is None and said.questions):
        return without_spec
    if said.spec is None:
        raise InvalidAnswerError("spec: it is missing, and there is no question either")
    try:
        spec = _spec(said.spec, now=now, timezone=timezone, names=names)
    except ValidationError as error:
        raise InvalidAnswerError(_describe(problems_of(error)), without_spec if said.questions else None) from None
    if not said.explanation:
        raise InvalidAnswerError("explanation: it is missing", without_spec if said.questions else None)
    return without_spec.model_copy(update={"spec": spec})


def _envelope(value: Any) -> Any:
    """Some send the spec bare."""
    if isinstance(value, Mapping) and "spec" not in value and {"trigger", "steps"} <= value.keys():
        texts = {name: value[name] for name in ("explanation", "questions", "warnings") if name in value}
        return {
            **texts,
            "spec": {name: one for name, one in value.items() if name not in texts and name != "buildable"},
        }
    return value


def _spec(value: dict[str, Any], *, now: datetime, timezone: str, names: Mapping[str, Mapping[str, str]]) -> BatchSpec:
    value = {**_without_nulls(value), "version": VERSION}
    if isinstance(value.get("trigger"), dict):
        value["trigger"] = _schedule(value["trigger"], now=now, timezone=timezone)
    selection = value.get("selection")
    if isinstance(selection, dict) and isinstance(selection.get("where"), list):
        fields = next((FIELDS[table] for table in TABLES if table == selection.get("table")), {})
        value["selection"] = {**selection, "where": [_condition(one, fields, names) for one in selection["where"]]}
    if isinstance(value.get("steps"), list):
        value["steps"] = [_step(step, index) for index, step in enumerate(value["steps"])]
    return BatchSpec.model_validate(value)


def _without_nulls(value: Any) -> Any:
    """Null stands for absent: a model that fills in a schema writes out what is optional."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _schedule(trigger: dict[str, Any], *, now: datetime, timezone: str) -> dict[str, Any]:
    if trigger.get("kind") != "schedule":
        return trigger
    trigger = {"timezone": timezone, **trigger}
    rule, anchor = trigger.get("rrule"), trigger.get("anchor")
    if isinstance(rule, str):
        trigger["rrule"] = rule = "".join(rule.upper().rpartition("RRULE:")[2].split()).strip(";")
    if isinstance(anchor, str):
        trigger["anchor"] = anchor = anchor.strip().replace(" ", "T")
    if isinstance(rule, str) and isinstance(anchor, str) and isinstance(trigger["timezone"], str):
        try:
            local = datetime.fromisoformat(anchor).replace(tzinfo=None, second=0, microsecond=0)
            if "T" in anchor:
                local = rrules.parse_anchor(local.isoformat())
                trigger["anchor"] = first_due(rule, local, zone_of(trigger["timezone"]), now).isoformat()
        except ValueError:
            return trigger  # the model is told what is wrong with it
    return trigger


def first_due(rule_text: str, anchor: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """The first local time that the rule names, from ``anchor`` and from ``now`` on, in the rhythm of ``anchor``.

    ``anchor`` itself where the rule has none. Raises ``ValueError`` for a rule that is none.
    """
    rule = rrules.read(rule_text, anchor)
    if not rule.names(anchor):
        hours = sorted(rule.hours)
        days = (anchor.date() + timedelta(days=number) for number in range(_MOST_DAYS))
        times = (datetime(day.year, day.month, day.day, hour, rule.minute) for day in days for hour in hours)  # noqa: DTZ001 - local
        found = next((each for each in times if each >= anchor and rule.names(each)), None)
        if found is None:
            return anchor
        anchor = found
    rule = rrules.parse(rule_text, anchor)
    for moment in due_after(rule, zone, now):
        local = moment.astimezone(zone).replace(tzinfo=None)
        if rule.names(local):  # not one that a gap has moved
            return local
    return anchor


def _condition(condition: Any, fields: Mapping[str, RecordField], names: Mapping[str, Mapping[str, str]]) -> Any:
    if not isinstance(condition, dict) or str(condition.get("field")) not in fields:
        return condition
    field, op, value = fields[str(condition["field"])], condition.get("op"), condition.get("value")
    match op:
        case "is_empty":
            value = True if value is None else _flag(value)
        case "within_days" | "older_than_days":
            value = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        case "eq" | "ne" | "in" | "lt" | "lte" | "gt" | "gte":
            if isinstance(value, list):
                if op == "eq" and len(value) > 1:
                    op = "in"
                elif op != "in" and len(value) == 1:
                    (value,) = value
            elif op == "in" and value is not None:
                value = [value]
            value = [_one(one, field, names) for one in value] if isinstance(value, list) else _one(value, field, names)
    return {**condition, "op": op, **({} if value is None else {"value": value})}


def _one(value: Any, field: RecordField, names: Mapping[str, Mapping[str, str]]) -> Any:
    match field.kind:
        case FieldKind.FLAG:
            return _flag(value)
        case FieldKind.CHOICE if isinstance(value, str):
            return "_".join(value.lower().replace("-", " ").split())
        case FieldKind.DAY if isinstance(value, str):
            return value[:10] if value[10:11] == "T" else value
        case FieldKind.ID if isinstance(value, str):
            known = names.get(field.table or "", {})
            return value if value in known.values() else known.get(value.casefold(), value)
    return value


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _step(step: Any, index: int) -> Any:
    if not isinstance(step, dict):
        return step
    tools = step.get("tools")
    if isinstance(tools, list) and all(isinstance(tool, str) for tool in tools):
        step = {**step, "tools": list(dict.fromkeys(tools))}
    return {"id": f"step_{index + 1}", "tools": [], **step}


def _describe(problems: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{place or 'spec'}: {' '.join(said)}".rstrip(".") for place, said in problems.items())
