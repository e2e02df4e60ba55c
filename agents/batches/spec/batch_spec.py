"""The BatchSpec. What is not known here is refused, never dropped: who runs a batch must understand all of it."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from agents.actions import Table
from agents.batches.spec import rrules
from agents.batches.spec.rrules import Rule
from agents.batches.spec.schedules import due_after, zone_of
from agents.batches.spec.vocabulary import FIELDS, TOOLS, FieldKind, Op
from agents.batches.spec.vocabulary import Field as RecordField

VERSION = 1
MAX_ITEMS = 1000
MAX_STEPS = 10
MAX_CONDITIONS = 20
MAX_VALUES = 100
MAX_DAYS = 3650
MAX_SEARCH_CHARACTERS = 200
MAX_VALUE_CHARACTERS = {FieldKind.ID: 128, FieldKind.TEXT: 500}
MAX_TOKENS = 10_000_000
MAX_MINUTES = 1440
_MAX_PROBLEMS = 10
# Pydantic puts the kind of a trigger into the path of what is wrong with it.
# Instead of pydantic's own, of which the second quotes the input.
_MESSAGES = {
    "extra_forbidden": "there is no such field",
    "union_tag_invalid": "kind must be manual, schedule or record_changed",
}
_TAGS = frozenset({"manual", "schedule", "record_changed"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Value = str | bool | int | list[str] | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Manual(_Part):
    """Run when the user says so."""

    kind: Literal["manual"]


def _canonical_anchor(text: str) -> str:
    return rrules.parse_anchor(text).isoformat()


def _zone_name(name: str) -> str:
    return zone_of(name).key


class Schedule(_Part):
    """Run at the times that ``rrule`` names, counted from ``anchor``, in local time of ``timezone``."""

    kind: Literal["schedule"]
    rrule: Annotated[
        str,
        Field(
            min_length=1,
            max_length=rrules.MAX_RULE_CHARACTERS,
            pattern=r"^[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*$",
            description="RFC 5545 without the name RRULE: FREQ=DAILY, WEEKLY or MONTHLY with INTERVAL, BYDAY, "
            "BYMONTHDAY, BYMONTH, BYSETPOS, BYHOUR, BYMINUTE, WKST, COUNT or UNTIL; at least an hour apart.",
        ),
    ]
    anchor: Annotated[
        str,
        Field(
            max_length=19,
            pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:00)?$",
            description="Local date and time of the first due one, YYYY-MM-DDTHH:MM:00: one that rrule names.",
        ),
        AfterValidator(_canonical_anchor),
    ]
    timezone: Annotated[str, Field(min_length=1, max_length=64, description="IANA name."), AfterValidator(_zone_name)]
    catch_up: Annotated[
        Literal["latest", "skip"],
        Field(description="What a device that was off does: run the latest missed one, or none."),
    ] = "latest"

    @model_validator(mode="after")
    def _rule_is_possible(self) -> Self:
        self.rule()
        return self

    def rule(self) -> Rule:
        return rrules.parse(self.rrule, datetime.fromisoformat(self.anchor))

    def next_runs(self, after: datetime, count: int = 3) -> list[datetime]:
        """The next moments in UTC that are later than ``after`` (aware); fewer where the rule ends."""
        found = due_after(self.rule(), zone_of(self.timezone), after)
        return [moment for moment, _ in zip(found, range(count), strict=False)]


class RecordChanged(_Part):
    """Run when a record of ``table`` was changed."""

    kind: Literal["record_changed"]
    table: Table


Trigger = Annotated[Manual | Schedule | RecordChanged, Field(discriminator="kind")]


class Condition(_Part):
    """One condition of a selection; ``value`` depends on ``op`` and on the field.

    ``eq, ne, lt, lte, gt, gte`` take one value of the field, ``in`` a list of them, ``contains`` a text (in whatever
    case), ``is_empty`` true or false, ``within_days`` and ``older_than_days`` a number of days: a day to come is within
    them from today on, one of ``created_at`` and ``updated_at`` up to today; older is what lies more days back.
    """

    field: Annotated[str, Field(min_length=1, max_length=40)]
    op: Op
    value: Annotated[
        Value,
        Field(description="Days are YYYY-MM-DD; see what the field and the op take."),
    ]


class Selection(_Part):
    """The records a run is about: those of ``table`` that fulfil every condition, at most ``limit``."""

    table: Table
    where: Annotated[list[Condition], Field(max_length=MAX_CONDITIONS)] = []
    limit: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = 100

    @model_validator(mode="after")
    def _conditions_are_possible(self) -> Self:
        for index, condition in enumerate(self.where):
            try:
                check_condition(self.table, condition)
            except ValueError as error:
                raise PydanticCustomError(
                    "selection", "{problem}", {"at": f"where.{index}", "problem": str(error)}
                ) from None
        return self


class Step(_Part):
    """``map`` follows the instruction for each record by itself, ``agent`` once for all of them together."""

    id: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]
    type: Literal["map", "agent"]
    instruction: Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"\S")]
    tools: Annotated[
        list[Annotated[str, Field(json_schema_extra={"enum": list(TOOLS)})]],
        Field(max_length=len(TOOLS), json_schema_extra={"uniqueItems": True}),
    ]

    @model_validator(mode="after")
    def _tools_exist(self) -> Self:
        unknown = [name for name in self.tools if name not in TOOLS]
        if unknown:
            # What was asked for is not said back: it may be anything.
            raise PydanticCustomError("step", "each must be one of {names}", {"at": "tools", "names": ", ".join(TOOLS)})
        if len(set(self.tools)) < len(self.tools):
            raise PydanticCustomError("step", "one is named twice", {"at": "tools"})
        return self


class Limits(_Part):
    """What one run may cost at most."""

    max_items: Annotated[int, Field(ge=1, le=MAX_ITEMS)] = 100
    max_tokens: Annotated[int, Field(ge=1_000, le=MAX_TOKENS)] = 500_000
    max_minutes: Annotated[int, Field(ge=1, le=MAX_MINUTES)] = 60


Approval = Literal["always", "destructive", "never"]


class BatchSpec(_Part):
    """A batch: when it runs, over which records, what it does with them, what it may cost, and who is asked first."""

    version: Literal[1]
    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"\S")]
    trigger: Trigger
    selection: Selection
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    limits: Limits = Limits()
    approval: Annotated[
        Approval,
        Field(description="Before which actions the user is asked: all, those that lose data, or none."),
    ] = "destructive"

    @model_validator(mode="after")
    def _steps_have_ids_of_their_own(self) -> Self:
        if len({step.id for step in self.steps}) < len(self.steps):
            raise PydanticCustomError("spec", "two have the same id", {"at": "steps"})
        return self

    @property
    def tools(self) -> frozenset[str]:
        return frozenset(name for step in self.steps for name in step.tools)

    def as_dict(self) -> dict[str, Any]:
        """As the wire has it: every field, also where the default was meant."""
        return self.model_dump(mode="json")


def check_condition(table: Table, condition: Condition) -> None:
    """Raises ``ValueError`` that says what ``table`` takes, and never what was asked for."""
    fields = FIELDS[table]
    field = fields.get(condition.field)
    if field is None:
        raise ValueError(f"the fields of {table} are {', '.join(fields)}")
    if condition.op not in field.ops:
        raise ValueError(f"the ops of {table}.{condition.field} are {', '.join(field.ops)}")
    problem = _problem_of_value(field, condition.op, condition.value)
    if problem:
        raise ValueError(f"value: {condition.op} of {table}.{condition.field} takes {problem}")


def _problem_of_value(field: RecordField, op: Op, value: Value) -> str:
    """What would be right; "" where it is."""
    match op:
        case "is_empty":
            return "" if isinstance(value, bool) else "true or false"
        case "contains":
            is_right = isinstance(value, str) and len(value.strip()) > 0 and len(value) <= MAX_SEARCH_CHARACTERS
            return "" if is_right else f"a text of at most {MAX_SEARCH_CHARACTERS} characters"
        case "within_days" | "older_than_days":
            is_right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_DAYS
            return "" if is_right else f"a number of days from 0 to {MAX_DAYS}"
        case "in":
            is_right = isinstance(value, list) and 0 < len(value) <= MAX_VALUES
            problem = _problem_of_one(field, value[0] if isinstance(value, list) and value else None)
            if is_right and all(not _problem_of_one(field, one) for one in value or ()):  # type: ignore[union-attr]
                return ""
            return f"a list of {problem or _takes(field)}"
        case _:
            return _problem_of_one(field, value)


def _problem_of_one(field: RecordField, value: Any) -> str:
    match field.kind:
        case FieldKind.FLAG:
            is_right = isinstance(value, bool)
        case FieldKind.CHOICE:
            is_right = value in field.choices
        case FieldKind.DAY:
            is_right = isinstance(value, str) and _is_day(value)
        case _:
            is_right = isinstance(value, str) and 0 < len(value) <= MAX_VALUE_CHARACTERS[field.kind]
    return "" if is_right else _takes(field)


def _takes(field: RecordField) -> str:
    match field.kind:
        case FieldKind.FLAG:
            return "true or false"
        case FieldKind.CHOICE:
            return f"one of {', '.join(field.choices)}"
        case FieldKind.DAY:
            return "a day as YYYY-MM-DD"
        case FieldKind.ID:
            return f"the id of a record of {field.table}"
        case FieldKind.TEXT:
            return "a text"


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def problems_of(error: ValidationError) -> dict[str, list[str]]:
    """What is wrong by the path of the field: a field that there is not by its name, and no value of any."""
    problems: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False)[:_MAX_PROBLEMS]:
        location = [str(part)[:40] for part in item["loc"] if part not in _TAGS]
        if at := item.get("ctx", {}).get("at"):
            location.append(at)
        message = _MESSAGES.get(item["type"], item["msg"])
        message = message.removeprefix("Value error, ")
        problems.setdefault(".".join(location), []).append(f"{message[:1].upper()}{message[1:]}.")
    return problems
