"""What code looks at in a spec that a model has made: the model's word is not enough for any of it.

Nothing here refuses. What is unclear becomes a question, what is dangerous a warning, and what the user's tier does not
have is made smaller.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.actions import Table
from agents.batches.builder.wording import Wording
from agents.batches.spec.batch_spec import MAX_ITEMS, BatchSpec, Schedule
from agents.batches.spec.schedules import zone_of
from agents.batches.spec.vocabulary import AGENT_OF, DESTRUCTIVE_TOOLS, FIELDS, READ_TOOLS, TABLES, TOOLS, FieldKind
from agents.tools.records import RunRecords

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_A_UTC = re.compile(r"\b(?:utc|gmt|zulu)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of the request. ``max_items``: of the tier's map runs; ``agents``: those that it includes.

    ``before`` is the spec that is being changed.
    """

    message: str
    now: datetime
    timezone: str
    records: RunRecords
    agents: Collection[str]
    max_items: int = MAX_ITEMS
    before: BatchSpec | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    spec: BatchSpec
    questions: list[str]
    warnings: list[str]


def check(spec: BatchSpec, circumstances: Circumstances, wording: Wording) -> Checked:
    """``spec`` within what the tier has and with the approval that it needs, and what the user must be told."""
    spec = _in_the_users_zone(spec, circumstances)
    questions = list(_questions(spec, circumstances, wording))
    warnings: list[str] = []
    if destructive := sorted(spec.tools & DESTRUCTIVE_TOOLS):
        deletes = wording.list(wording.tables[TOOLS[name].table] for name in destructive)
        warnings.append(wording.deletes.format(tables=deletes))
        if spec.approval == "never":
            spec = spec.model_copy(update={"approval": "destructive"})
            warnings.append(wording.asks_first)
    spec, has_shrunk = _within(spec, circumstances.max_items)
    if has_shrunk:
        warnings.append(wording.shrunk.format(number=circumstances.max_items))
    warnings += _warnings(spec, circumstances, wording)
    return Checked(spec, questions, warnings)


def _in_the_users_zone(spec: BatchSpec, circumstances: Circumstances) -> BatchSpec:
    """UTC is what a model writes that has not thought about it."""
    trigger = spec.trigger
    if not isinstance(trigger, Schedule) or trigger.timezone not in {"UTC", "Etc/UTC"}:
        return spec
    before = circumstances.before.trigger if circumstances.before is not None else None
    is_kept = isinstance(before, Schedule) and before.timezone == trigger.timezone
    if is_kept or _A_UTC.search(circumstances.message):
        return spec
    return spec.model_copy(update={"trigger": trigger.model_copy(update={"timezone": circumstances.timezone})})


def _within(spec: BatchSpec, max_items: int) -> tuple[BatchSpec, bool]:
    selection, limits = spec.selection, spec.limits
    if selection.limit <= max_items and limits.max_items <= max_items:
        return spec, False
    changes: dict[str, Any] = {
        "selection": selection.model_copy(update={"limit": min(selection.limit, max_items)}),
        "limits": limits.model_copy(update={"max_items": min(limits.max_items, max_items)}),
    }
    return spec.model_copy(update=changes), True


def _questions(spec: BatchSpec, circumstances: Circumstances, wording: Wording) -> Iterator[str]:
    unknown = list(dict.fromkeys(_unknown_tables(spec, circumstances)))
    for table in unknown:
        names = _names_in(circumstances.records, table)
        yield wording.which_one[table].format(names=f" ({wording.list(names)})" if names else "")
    trigger = spec.trigger
    if isinstance(trigger, Schedule) and not trigger.next_runs(circumstances.now, 1):
        yield wording.is_over


def _unknown_tables(spec: BatchSpec, circumstances: Circumstances) -> Iterator[Table]:
    """The tables of which the spec names a record that neither the device nor the user has named."""
    known_before = str(circumstances.before.as_dict()) if circumstances.before is not None else ""
    for condition in spec.selection.where:
        field = FIELDS[spec.selection.table][condition.field]
        if field.kind is not FieldKind.ID or field.table is None or condition.op == "is_empty":
            continue
        values = condition.value if isinstance(condition.value, list) else [condition.value]
        for value in map(str, values):
            if not circumstances.records.knows(field.table, value) and repr(value) not in known_before:
                yield field.table
    for step in spec.steps:
        for found in _UUID.findall(step.instruction):
            if found not in known_before and not any(circumstances.records.knows(table, found) for table in TABLES):
                yield "projects"  # what instructions name by an id, as in "move it to"


def _names_in(records: RunRecords, table: Table, most: int = 8) -> list[str]:
    rows = records.rows(table)
    names = (str(row.get("name") or row.get("title") or "").strip()[:80] for row in rows)
    return [name for name in dict.fromkeys(names) if name][:most]


def _warnings(spec: BatchSpec, circumstances: Circumstances, wording: Wording) -> Iterable[str]:
    lacking = {AGENT_OF[name] for name in spec.tools} - set(circumstances.agents)
    if lacking:
        tables = {TOOLS[name].table for name in spec.tools if AGENT_OF[name] in lacking}
        yield wording.lacking.format(tables=wording.list(wording.tables[table] for table in sorted(tables)))
    written = {TOOLS[name].table for name in spec.tools - READ_TOOLS}
    if spec.trigger.kind == "record_changed" and spec.trigger.table in written:
        yield wording.sets_itself_off.format(table=wording.tables[spec.trigger.table])
    if any(step.type == "map" and not set(step.tools) - READ_TOOLS for step in spec.steps):
        yield wording.changes_nothing
    trigger = spec.trigger
    if isinstance(trigger, Schedule) and _differs(trigger.timezone, circumstances):
        yield wording.other_zone.format(zone=trigger.timezone)


def _differs(zone: str, circumstances: Circumstances) -> bool:
    """Zones may have two names, such as Asia/Kolkata and Asia/Calcutta."""
    now = circumstances.now
    own = now.astimezone(zone_of(circumstances.timezone))
    return zone != circumstances.timezone and now.astimezone(zone_of(zone)).utcoffset() != own.utcoffset()


def names_by_table(records: RunRecords) -> Mapping[str, Mapping[str, str]]:
    """The ids of the records known, by their names in small letters; a name that several have is left out."""
    found: dict[str, Mapping[str, str]] = {}
    for table in TABLES:
        names: dict[str, str | None] = {}
        for row in records.rows(table):
            name = str(row.get("name") or row.get("title") or "").strip().casefold()
            names[name] = None if name in names else str(row["id"])
        found[table] = {name: record_id for name, record_id in names.items() if name and record_id is not None}
    return found
