"""Compares a batch with what a case asks for, dimension by dimension, and adds it up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from agents.batches.builder.answers import first_due
from agents.batches.spec.batch_spec import BatchSpec, Condition, Schedule
from agents.batches.spec.schedules import zone_of
from agents.batches.spec.vocabulary import READ_TOOLS
from tests.eval.building.golden import Case
from tests.eval.golden import NOW, TIMEZONE

# In the order of the report.
DIMENSIONS = ("verdict", "trigger", "selection", "steps", "bounds", "unchanged")
_RUNS = 5
_OF_ORDER = ("eq", "in")
_STATUSES = {"tasks": {"todo", "in_progress", "done"}, "checkpoints": {"todo", "in_progress", "done"},
             "projects": {"active", "archived"}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a sentence. ``problem`` is the code of the error it ended with."""

    spec: BatchSpec | None = None
    explanation: str = ""
    questions: tuple[str, ...] = ()
    reason: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``right`` by dimension, for those that the case speaks of."""

    case: Case
    answer: Answer
    right: Mapping[str, bool]

    @property
    def passed(self) -> bool:
        return all(self.right.values()) and not self.answer.problem


def judge(case: Case, answer: Answer) -> Verdict:
    wanted = case.expected
    right = {"verdict": _is_right_verdict(wanted, answer)}
    if wanted.get("buildable", True):
        checks: dict[str, Callable[[Case, BatchSpec], bool]] = {
            "trigger": _is_right_trigger,
            "selection": _is_right_selection,
            "steps": _are_right_steps,
            "bounds": _are_right_bounds,
            "unchanged": _is_unchanged,
        }
        for name, check in checks.items():
            if _speaks_of(case, name):
                right[name] = answer.spec is not None and check(case, answer.spec)
    return Verdict(case, answer, right)


def _speaks_of(case: Case, dimension: str) -> bool:
    wanted = case.expected
    match dimension:
        case "trigger":
            return "when" in wanted
        case "selection":
            return bool({"table", "where", "limit"} & wanted.keys())
        case "steps":
            return bool({"do", "says"} & wanted.keys())
        case "bounds":
            return bool({"approval", "name"} & wanted.keys()) or (case.before is None and not wanted.get("asks"))
    return case.before is not None


def _is_right_verdict(wanted: Mapping[str, Any], answer: Answer) -> bool:
    """It is refused, asked about or built as it should be, and explained."""
    if not wanted.get("buildable", True):
        return bool(answer.reason)
    if answer.reason is not None or bool(answer.questions) != wanted.get("asks", False):
        return False
    return bool(answer.questions) or (answer.spec is not None and bool(answer.explanation))


# --- when


def _is_right_trigger(case: Case, spec: BatchSpec) -> bool:
    when, trigger = case.expected["when"], spec.trigger
    if when == "manual":
        return trigger.kind == "manual"
    if "changed" in when:
        return trigger.kind == "record_changed" and trigger.table == when["changed"]
    if not isinstance(trigger, Schedule) or trigger.timezone != TIMEZONE:
        return False
    return any(trigger.next_runs(NOW, _RUNS) == runs for runs in _wanted_runs(when))


def _wanted_runs(when: Mapping[str, Any]) -> Iterable[list[datetime]]:
    start = date.fromisoformat(when["from"]) if "from" in when else NOW.date()
    for at in _as_list(when["at"]):
        anchor = first_due(when["rrule"], datetime.combine(start, time.fromisoformat(at)), zone_of(TIMEZONE), NOW)
        wanted = Schedule(
            kind="schedule", rrule=when["rrule"], anchor=anchor.isoformat(), timezone=TIMEZONE
        )  # fmt: skip
        yield wanted.next_runs(NOW, _RUNS)


# --- which


def _is_right_selection(case: Case, spec: BatchSpec) -> bool:
    wanted, selection = case.expected, spec.selection
    if "table" in wanted and selection.table not in _as_list(wanted["table"]):
        return False
    if "limit" in wanted and (selection.limit, spec.limits.max_items) != (wanted["limit"], wanted["limit"]):
        return False
    if "where" not in wanted:
        return True
    left = [_canonical(selection.table, condition) for condition in selection.where]
    for one in wanted["where"]:
        choices = one if isinstance(one[0], list) else [one]
        found = next((given for given in left if given in [_wanted(selection.table, c) for c in choices]), None)
        if found is None:
            return False
        left.remove(found)
    may = [_wanted(selection.table, condition) for condition in wanted.get("may", ())]
    return all(condition in may for condition in left)


def _wanted(table: str, condition: list[Any]) -> tuple[str, str, Any]:
    name, op, value = condition
    return _canonical(table, Condition(field=name, op=op, value=value))


def _canonical(table: str, condition: Condition) -> tuple[str, str, Any]:
    """Conditions that mean the same are the same."""
    name, op, value = condition.field, condition.op, condition.value
    if isinstance(value, bool) and op in ("eq", "ne"):
        return name, "eq", value is (op == "eq")
    if op == "lt" and value == NOW.date().isoformat():
        return name, "older_than_days", 0
    if op in (*_OF_ORDER, "ne"):
        values = frozenset(_as_list(value))
        statuses = _STATUSES.get(table)
        if name == "status" and statuses and op == "ne":
            return name, "in", frozenset(statuses - values)
        return name, "in" if op in _OF_ORDER else "ne", values
    return name, op, value.casefold() if isinstance(value, str) else value


# --- what


def _are_right_steps(case: Case, spec: BatchSpec) -> bool:
    instructions = " ".join(step.instruction for step in spec.steps).casefold()
    if not all(str(word).casefold() in instructions for word in case.expected.get("says", ())):
        return False
    wanted = case.expected.get("do")
    if wanted is None:
        return True
    made: dict[str, set[str]] = {}
    for step in spec.steps:
        made.setdefault(step.type, set()).update(step.tools)
    if made.keys() != wanted.keys():
        return False
    return all(
        set(tools) <= made[kind] and made[kind] - set(tools) <= READ_TOOLS for kind, tools in wanted.items()
    )  # fmt: skip


def _are_right_bounds(case: Case, spec: BatchSpec) -> bool:
    wanted = case.expected
    approval = wanted.get("approval", case.before.approval if case.before else "destructive")
    is_named = "name" not in wanted or spec.name.casefold() == wanted["name"].casefold()
    return is_named and spec.approval == approval


def _is_unchanged(case: Case, spec: BatchSpec) -> bool:
    """What the sentence does not speak of is as it was, to the letter."""
    assert case.before is not None
    before, after = case.before.as_dict(), spec.as_dict()
    named = {
        "trigger": {"when"},
        "selection": {"table", "where", "limit"},
        "steps": {"do", "says"},
        "limits": {"limit"},
        "approval": {"approval"},
        "name": {"name"},
    }
    kept = [part for part, keys in named.items() if not keys & case.expected.keys()]
    if not all(before[part] == after[part] for part in kept):
        return False
    # A change of the time leaves the zone alone, one of the selection its table.
    trigger = (before["trigger"].get("timezone"), after["trigger"].get("timezone"))
    return before["selection"]["table"] == after["selection"]["table"] and (None in trigger or trigger[0] == trigger[1])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# --- figures


@dataclass(slots=True)
class Tally:
    """Counts over some of the cases; ``right`` and ``of`` by dimension."""

    cases: int = 0
    passed: int = 0
    right: dict[str, int] = field(default_factory=dict)
    of: dict[str, int] = field(default_factory=dict)

    @property
    def pass_rate(self) -> float:
        """Nobody is right by doing nothing."""
        return self.passed / self.cases if self.cases else 0.0

    def share(self, dimension: str) -> float | None:
        """Null where no case speaks of it."""
        of = self.of.get(dimension, 0)
        return self.right.get(dimension, 0) / of if of else None

    def add(self, verdict: Verdict) -> None:
        self.cases += 1
        self.passed += verdict.passed
        for name, is_right in verdict.right.items():
            self.of[name] = self.of.get(name, 0) + 1
            self.right[name] = self.right.get(name, 0) + is_right


@dataclass(slots=True)
class Scores:
    overall: Tally = field(default_factory=Tally)
    languages: dict[str, Tally] = field(default_factory=dict)
    failed: list[Verdict] = field(default_factory=list)

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> "Scores":
        scores = cls()
        for verdict in verdicts:
            scores.overall.add(verdict)
            scores.languages.setdefault(verdict.case.language, Tally()).add(verdict)
            if not verdict.passed:
                scores.failed.append(verdict)
        return scores
