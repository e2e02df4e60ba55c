"""Changes a BatchSpec: what a sentence asks for and nothing else."""

import copy
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from agents.batches.spec import rrules
from agents.offline_model.building.deeds import DeedReader, Plan
from agents.offline_model.building.schedules import Recurrence, Times, Trigger, first_time
from agents.offline_model.building.selections import TABLES, Condition, NeedsAnswer, Question, Selected
from agents.offline_model.building.sentence import Sentence
from agents.offline_model.building.wishes import Draft, Spec, WishReader, steps_of
from agents.offline_model.selection.scanning import scan
from agents.offline_model.selection.selecting import WORDS

_CLOCK = re.compile(r"\d{1,2}(?:[:.]\d{2})?(?: ?(?:am|pm|h|uhr))?", re.IGNORECASE)
_IDLE = {"skip", "these", "place", "and", "until"}
_HALF_AN_HOUR = 30
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class SpecReviser:
    """Reads with what a wish for a new batch is read with."""

    reader: WishReader

    def revise(self, spec: Spec, sentence: Sentence, draft: Draft) -> None:
        """Raises ``NotBuildable``."""
        words = self.reader.words
        changed = copy.deepcopy(spec)
        changed.pop("version", None)
        is_also = words.revision.also.search(sentence.text) is not None
        self.reader.take_preface(sentence)
        if sentence.take(words.when.skip_missed) and changed["trigger"]["kind"] == "schedule":
            changed["trigger"]["catch_up"] = "skip"
        approval = self.reader.take_approval(sentence)
        limits = self.reader.take_limits(sentence, draft)
        named = sentence.take(words.bounds.name)
        if named:
            changed["name"] = self.reader.name(named["name"])
        is_limited = "items" in limits
        if is_limited:
            changed["limits"]["max_items"] = changed["selection"]["limit"] = limits.pop("items")
        changed["limits"].update(limits)
        try:
            self._change_trigger(changed, sentence, draft, is_also=is_also)
            if not (is_limited and self._is_noun(sentence.text, changed["selection"]["table"])):
                self._change_rest(changed, sentence, draft)
        except NeedsAnswer as needed:
            draft.questions.append(needed.question)
        tools = {tool for step in changed["steps"] for tool in step["tools"]}
        changed["approval"] = self.reader.check_approval(approval or changed["approval"], tools, draft)
        unversioned = {name: value for name, value in spec.items() if name != "version"}
        if changed == unversioned and not draft.questions and not (approval or limits or named):
            draft.questions.append(Question("ask change"))
        draft.spec = changed

    # --- when

    def _change_trigger(self, spec: Spec, sentence: Sentence, draft: Draft, *, is_also: bool) -> None:
        words, schedules = self.reader.words, self.reader.schedules
        old = spec["trigger"]
        text = sentence.text
        sentence.take(words.revision.instead)
        self._take_lead(sentence)
        if self._take_later(old, sentence):
            return
        before = sentence.text
        trigger = schedules.read_event(sentence)
        if trigger is not None:
            self.reader.read_changed(trigger, draft)
            spec["trigger"] = trigger.spec
            draft.questions += [Question(trigger.question)] if trigger.question else []
            return
        is_bare = _CLOCK.fullmatch(sentence.text) is not None
        start = schedules.take_start(sentence)
        recurrence, said = schedules.take_days(sentence)
        times = schedules.take_times(sentence, said)
        if times is None and is_bare:
            times = schedules.take_times(Sentence(f"{words.texts['at']} {sentence.text}"), said)
            sentence.text = "" if times is not None else sentence.text
        if recurrence is None and old["kind"] == "schedule":
            recurrence = self._take_bare_days(old, sentence)
        if recurrence is not None:
            if old["kind"] == "schedule":
                recurrence = _with_days_of(old, recurrence, is_also=is_also)
            new = schedules.schedule(recurrence, times or _times_of(old), start)
            draft.warnings += [Question(key, values) for key, values in new.warnings]
            self._set(spec, new, draft)
        elif times is not None:
            self._set_times(spec, times, draft)
        elif start is not None and old["kind"] == "schedule":
            self._set(spec, schedules.schedule(_recurrence_of(old), _times_of(old), start), draft)
        elif sentence.text == before:
            # Nothing of it was about the trigger: the words that stood around may be about the rest.
            sentence.text = text

    def _take_lead(self, sentence: Sentence) -> None:
        while (match := self.reader.words.revision.change.match(sentence.text)) is not None and match.end():
            sentence.text = sentence.text[match.end() :].lstrip(" ,:")

    def _set(self, spec: Spec, new: Trigger, draft: Draft) -> None:
        if new.question:
            draft.questions.append(Question(new.question))
        old = spec["trigger"]
        spec["trigger"] = new.spec
        if old["kind"] == new.spec["kind"] == "schedule":
            spec["trigger"]["timezone"] = old["timezone"]
            spec["trigger"]["catch_up"] = old["catch_up"]

    def _set_times(self, spec: Spec, times: Times, draft: Draft) -> None:
        """The days stay as they are, and so does the first of them."""
        old = spec["trigger"]
        if old["kind"] != "schedule":
            draft.questions.append(Question("ask how often"))
            return
        recurrence = _recurrence_of(old)
        if len(times.hours) > 1:
            recurrence.parts["BYHOUR"] = ",".join(map(str, sorted(set(times.hours))))
        rule = _rule(recurrence)
        day = datetime.fromisoformat(old["anchor"]).date()
        anchor = first_time(rule, times.first, datetime.combine(day, time()) - timedelta(minutes=1), day)
        if anchor is not None:
            spec["trigger"] = {**old, "rrule": rule, "anchor": anchor.isoformat()}

    def _take_later(self, old: Spec, sentence: Sentence) -> bool:
        """As in "an hour later"."""
        match = self.reader.words.revision.later.search(sentence.text)
        if match is None or old["kind"] != "schedule":
            return False
        minutes = _HALF_AN_HOUR if match["half"] else self.reader.schedules.count(match["count"]) * 60
        if self.reader.words.revision.earlier.search(match["way"]):
            minutes = -minutes
        at = datetime.fromisoformat(old["anchor"])
        total = at.hour * 60 + at.minute + minutes
        if not 0 <= total < _MINUTES_A_DAY or "BYHOUR" in old["rrule"]:
            raise NeedsAnswer("ask times")
        old["anchor"] = at.replace(hour=total // 60, minute=total % 60).isoformat()
        sentence.take(self.reader.words.revision.later)
        return True

    def _take_bare_days(self, old: Spec, sentence: Sentence) -> Recurrence | None:
        """As in "Friday", where weeks are what it counts."""
        match = self.reader.words.revision.bare_days.fullmatch(
            self.reader.words.revision.also.sub("", sentence.text).strip(" ,")
        )
        if match is None:
            return None
        days = self.reader.schedules.weekdays(match["days"])
        recurrence = _recurrence_of(old)
        if recurrence.parts["FREQ"] != "WEEKLY":
            recurrence = Recurrence({"FREQ": "WEEKLY"})
        recurrence.parts["BYDAY"] = ",".join(days)
        sentence.text = ""
        return recurrence

    # --- what

    def _change_rest(self, spec: Spec, sentence: Sentence, draft: Draft) -> None:
        words = self.reader.words
        text = sentence.text.strip(" .,!?;:")
        if self._says_nothing(text):
            return
        narrowed = words.revision.only.match(text)
        spared = words.revision.exclude.match(text)
        if narrowed is not None and narrowed.end():
            self._select(spec, text[narrowed.end() :], draft, is_spared=False)
        elif spared is not None and spared.end():
            self._select(spec, text[spared.end() :], draft, is_spared=True)
        elif not self._change_steps(spec, sentence, draft):
            self._select(spec, self._without_lead(text), draft, is_spared=False)

    def _is_noun(self, text: str, table: str) -> bool:
        """The records by their name alone, as is left of "at most 50 tasks"."""
        kind = self.reader.selections.language.kind_in(text)
        return kind is not None and TABLES[kind] == table and len(text.split()) == 1

    def _says_nothing(self, text: str) -> bool:
        """Words that stood around what has been taken."""
        for pattern in (self.reader.words.revision.only, self.reader.words.revision.also):
            text = pattern.sub("", text)
        language = self.reader.selections.language
        tokens = scan(self._without_lead(text), language, WORDS[language.code], self.reader.selections.today)
        return all(token.name in _IDLE for token in tokens)

    def _without_lead(self, text: str) -> str:
        rest = Sentence(text)
        rest.take(self.reader.words.revision.instead)
        self._take_lead(rest)
        return rest.text

    def _select(self, spec: Spec, text: str, draft: Draft, *, is_spared: bool) -> None:
        """What was said before of the same field holds no longer."""
        selection = spec["selection"]
        words = self.reader.words
        rest = Sentence(text)
        rest.take(words.revision.also)
        selected = self.reader.selections.read(rest.text, selection["table"])
        if selected.questions:
            draft.questions += selected.questions
            return
        if selected.table != selection["table"]:
            raise NeedsAnswer("ask step")
        draft.warnings += selected.warnings
        if not selected.where:
            if words.revision.all.search(text) is None:
                raise NeedsAnswer("ask change")
            selection["where"] = []
            return
        new = [_opposite(condition) for condition in selected.where] if is_spared else selected.where
        if is_spared and (len(new) > 1 or None in new):
            raise NeedsAnswer("ask either", words=self.reader.selections.quotes.restore(text), many=selection["table"])
        fields = {condition["field"] for condition in new if condition is not None}
        if not is_spared and _implies_open(selected.where):
            fields.discard("status")
        kept = [condition for condition in selection["where"] if condition["field"] not in fields]
        selection["where"] = [
            *kept,
            *(condition for condition in new if condition is not None and condition not in kept),
        ]

    def _change_steps(self, spec: Spec, sentence: Sentence, draft: Draft) -> bool:
        """Whether it was about what is done."""
        words, selections = self.reader.words, self.reader.selections
        replaces = words.revision.instead.search(sentence.text) is not None
        rest = Sentence(sentence.text)
        rest.take(words.revision.instead)
        rest.take(words.revision.also)
        text = rest.text.strip(" .,!?;:")
        deeds = DeedReader(selections, words, Selected(spec["selection"]["table"]))
        if not words.what.verbs.match(deeds.strip(text)):
            return False
        plan = deeds.read(text)
        if plan.questions:
            draft.questions += plan.questions
            return True
        self._check_table(spec, plan)
        draft.warnings += plan.warnings
        new = steps_of(plan, 0 if replaces else len(spec["steps"]))
        last = spec["steps"][-1]
        if replaces and len(spec["steps"]) == 1:
            spec["steps"] = [{**new[0], "id": last["id"]}, *new[1:]]
        elif replaces:
            raise NeedsAnswer("ask change")
        elif [step["type"] for step in new] == ["map"] == [last["type"]]:
            # What is done with the same record is one step.
            last["instruction"] = f"{last['instruction']} {new[0]['instruction']}"
            last["tools"] = list(dict.fromkeys([*last["tools"], *new[0]["tools"]]))
        else:
            spec["steps"] = [*spec["steps"], *new]
        return True

    def _check_table(self, spec: Spec, plan: Plan) -> None:
        selected = plan.selected
        if selected is None:
            return
        where = [condition for condition in selected.where if condition not in spec["selection"]["where"]]
        if selected.table != spec["selection"]["table"] or [each for each in where if each not in _OPEN]:
            raise NeedsAnswer("ask step")


_OPEN: list[Condition] = [{"field": "status", "op": "ne", "value": "done"}]


def _implies_open(where: list[Condition]) -> bool:
    """What is overdue is open: that was not said of the status."""
    return _OPEN[0] in where and any(condition["field"] == "due_date" for condition in where)


def _opposite(condition: Condition) -> Condition | None:
    op, value = condition["op"], condition["value"]
    if isinstance(value, bool):
        return {**condition, "value": not value}
    turned = {"eq": "ne", "ne": "eq", "lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}.get(op)
    return {**condition, "op": turned} if turned else None


def _recurrence_of(trigger: Spec) -> Recurrence:
    """The days of a schedule, without its times."""
    parts = dict(part.split("=", 1) for part in trigger["rrule"].split(";"))
    return Recurrence({name: value for name, value in parts.items() if name not in ("BYHOUR", "BYMINUTE")})


def _rule(recurrence: Recurrence) -> str:
    return ";".join(f"{name}={value}" for name, value in recurrence.parts.items())


def _times_of(trigger: Spec) -> Times | None:
    """Those of a schedule; another trigger has none."""
    if trigger["kind"] != "schedule":
        return None
    rule = rrules.read(trigger["rrule"], datetime.fromisoformat(trigger["anchor"]))
    return Times(sorted(rule.hours), rule.minute)


def _with_days_of(trigger: dict[str, Any], recurrence: Recurrence, *, is_also: bool) -> Recurrence:
    """As in "also on Thursdays", or "every two weeks": on the days that it has already."""
    old, new = _recurrence_of(trigger).parts, recurrence.parts
    if old.get("FREQ") != new.get("FREQ"):
        return recurrence
    if recurrence.missing in ("ask weekday", "ask monthday"):
        days = {name: value for name, value in old.items() if name.startswith("BY")}
        return Recurrence({**{name: value for name, value in new.items() if not name.startswith("BY")}, **days})
    if not is_also or new["FREQ"] != "WEEKLY":
        return recurrence
    both = {*old.get("BYDAY", "").split(","), *new.get("BYDAY", "").split(",")}
    return Recurrence({**old, "BYDAY": ",".join(day for day in rrules.WEEKDAYS if day in both)})
