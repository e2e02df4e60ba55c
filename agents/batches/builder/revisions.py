"""Changing a batch changes what was asked for, whatever the model has rewritten on the way.

What means the same as before stays as it was, down to the letter. What is no part of the routine itself (its name,
limits, approval, zone, catching up) stays unless the message speaks of it; that can be told in the languages of
``wording`` only.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from agents.batches.builder.wording import known_wording
from agents.batches.spec import rrules
from agents.batches.spec.batch_spec import Approval, BatchSpec, Schedule, Step
from agents.batches.spec.rrules import Rule
from agents.batches.spec.schedules import due_after, to_utc, zone_of

STRICTNESS: tuple[Approval, ...] = ("never", "destructive", "always")
# Beginnings of words in English, German and Italian.
_SPEAKS_OF: Mapping[str, re.Pattern[str]] = {
    name: re.compile(rf"\b(?:{stems})", re.IGNORECASE)
    for name, stems in {
        "name": "name|nam|renam|call|title|titel|benenn|umbenenn|nenn|hei[sß]|nom|chiam|rinomin|titol|intitol",
        "limits": r"\d|limit|token|minut|hour|stund|or[ae]\b|at most|max|more|less|few|many|only|up to|höchst|mehr"
        r"|wenig|nur|bis zu|record|item|eintr|stück|solo|soltanto|massim|fino a|element|più|meno|all\b|alle\b|tutt"
        r"|half|halb|metà|double|doppel|dopp|ten\b|twenty|thirty|fifty|hundred|thousand|dozen|zehn|zwanzig|dreißig"
        r"|fünfzig|hundert|tausend|dutzend|dieci|venti|trenta|cinquanta|cento|mille|mila|dozzin",
        # To be asked less must be said plainly, to be asked more may be said in many ways.
        "less approval": "ask|approv|confirm|permi|without|frag|nachfrag|bestätig|zustimm|genehmig|freigab|ohne|chied"
        "|conferm|autorizz|senza|automat",
        "more approval": "ask|approv|confirm|permi|let me|before|first|show|check|review|preview|look|see|myself|frag"
        "|nachfrag|bestätig|zustimm|genehmig|freigab|vorher|zuerst|erst|zeig|prüf|seh|schau|selbst|chied|conferm"
        "|autorizz|prima|mostr|vedere|control|verific",
        "catch_up": r"miss|catch|skip|make up|late|off\b|nachhol|nachträg|verpass|ausl|überspring|ausgelass|recuper"
        r"|salt|pers|ritard",
        "timezone": r"time ?zone|zone|zeitzone|ortszeit|fuso|orario di|ora di|local time|utc|gmt",
    }.items()
}


def keep_unasked(new: BatchSpec, old: BatchSpec, *, message: str, now: datetime, timezone: str) -> BatchSpec:
    """``new`` with everything of ``old`` that was not to change. ``now`` is aware, ``timezone`` the user's."""
    is_readable = known_wording(message) is not None

    def stays(part: str) -> bool:
        return is_readable and not _SPEAKS_OF[part].search(message)

    # Any other zone is one that the model has thought of.
    is_default = isinstance(new.trigger, Schedule) and new.trigger.timezone in {"UTC", "Etc/UTC", timezone}
    keeps_zone = is_default and stays("timezone")

    is_stricter = STRICTNESS.index(new.approval) > STRICTNESS.index(old.approval)
    changes: dict[str, Any] = {
        "name": old.name if stays("name") or _same_text(new.name, old.name) else new.name,
        "steps": _steps(new.steps, old.steps),
        "limits": old.limits if stays("limits") else new.limits,
        "approval": old.approval if stays("more approval" if is_stricter else "less approval") else new.approval,
        "trigger": _trigger(
            new, old, message=message, now=now, keeps_zone=keeps_zone, keeps_catch_up=stays("catch_up")
        ),
    }
    selection = new.selection
    where = old.selection.where if _same_conditions(new, old) else selection.where
    limit = old.selection.limit if stays("limits") else selection.limit
    changes["selection"] = selection.model_copy(update={"where": where, "limit": limit})
    return BatchSpec.model_validate(new.model_copy(update=changes).as_dict())


def _same_text(one: str, other: str) -> bool:
    """But for case, blanks and the stop at the end."""
    return " ".join(one.split()).rstrip(".!").casefold() == " ".join(other.split()).rstrip(".!").casefold()


def _same_conditions(new: BatchSpec, old: BatchSpec) -> bool:
    if new.selection.table != old.selection.table:
        return False
    return sorted(map(repr, new.selection.where)) == sorted(map(repr, old.selection.where))


def _steps(new: list[Step], old: list[Step]) -> list[Step]:
    """Each step under the id that it had; a step is the same if its id is, or its instruction, or its place alone."""
    left = list(old)
    found: dict[int, Step] = {}
    for is_same in (_has_same_id, _does_the_same):
        for index, step in enumerate(new):
            before = next((each for each in left if is_same(step, each)), None) if index not in found else None
            if before is not None:
                found[index] = before
                left.remove(before)
    if len(new) == len(old):
        for index, step in enumerate(new):
            if index not in found and old[index] in left and old[index].type == step.type:
                found[index] = old[index]
                left.remove(old[index])
    taken = {before.id for before in found.values()}
    kept = []
    for index, step in enumerate(new):
        before = found.get(index)
        if before is None:
            kept.append(step.model_copy(update={"id": _free_id(step.id, taken)}))
            taken.add(kept[-1].id)
            continue
        instruction = before.instruction if _same_text(step.instruction, before.instruction) else step.instruction
        tools = before.tools if set(step.tools) == set(before.tools) else step.tools
        kept.append(step.model_copy(update={"id": before.id, "instruction": instruction, "tools": tools}))
    return kept


def _has_same_id(step: Step, before: Step) -> bool:
    return step.id == before.id


def _does_the_same(step: Step, before: Step) -> bool:
    return step.type == before.type and _same_text(step.instruction, before.instruction)


def _free_id(wanted: str, taken: set[str]) -> str:
    numbers = (f"{wanted[:36]}_{number}" for number in range(2, 100))
    return wanted if wanted not in taken else next(each for each in numbers if each not in taken)


def _trigger(
    new: BatchSpec, old: BatchSpec, *, message: str, now: datetime, keeps_zone: bool, keeps_catch_up: bool
) -> Any:
    before, trigger = old.trigger, new.trigger
    if not isinstance(before, Schedule) or not isinstance(trigger, Schedule):
        return trigger
    changes: dict[str, Any] = {}
    if keeps_catch_up:
        changes["catch_up"] = before.catch_up
    city = trigger.timezone.rpartition("/")[2].replace("_", " ")
    if keeps_zone and city.casefold() not in message.casefold():
        changes["timezone"] = before.timezone
    trigger = trigger.model_copy(update=changes)
    if _rhythm(trigger.rule()) != _rhythm(before.rule()):
        return _in_step(trigger, before)
    if _names_a_start(trigger, before, now):
        return trigger
    return trigger.model_copy(update={"rrule": before.rrule, "anchor": before.anchor})


def _rhythm(rule: Rule) -> tuple[Any, ...]:
    """Everything but the anchor; parts in any order."""
    return (
        rule.frequency,
        rule.interval,
        frozenset(rule.by_month),
        frozenset(rule.by_month_day),
        frozenset(rule.by_day),
        frozenset(rule.by_set_position),
        frozenset(rule.hours),
        rule.minute,
        rule.week_start,
        rule.count,
        rule.until,
    )


def _names_a_start(trigger: Schedule, before: Schedule, now: datetime) -> bool:
    """Whether the runs before it are to be left out: "from next month on" changes nothing else."""
    zone = zone_of(before.timezone)
    first = to_utc(datetime.fromisoformat(before.anchor), zone)
    soonest = next(due_after(before.rule(), zone, max(now, first - timedelta(minutes=1))), None)
    return soonest is not None and to_utc(datetime.fromisoformat(trigger.anchor), zone) > soonest


def _in_step(trigger: Schedule, before: Schedule) -> Schedule:
    """Every other week stays on the same weeks when only the time of day changes."""
    old, new = before.rule(), trigger.rule()
    is_same_rhythm = (old.frequency, old.interval) == (new.frequency, new.interval) and old.interval > 1
    if not is_same_rhythm or old.count is not None:
        return trigger
    anchor = datetime.combine(old.anchor.date(), new.anchor.time())
    try:
        rrules.parse(trigger.rrule, anchor)
    except ValueError:
        return trigger  # other days than before: they count from their own first one
    return trigger.model_copy(update={"anchor": anchor.isoformat()})
