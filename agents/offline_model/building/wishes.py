"""Reads a wish for a new batch into a BatchSpec."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.batches.spec.batch_spec import MAX_ITEMS, MAX_MINUTES, MAX_TOKENS, Limits
from agents.batches.spec.vocabulary import DESTRUCTIVE_TOOLS
from agents.offline_model.building.deeds import DeedReader, NotBuildable, Plan, as_imperative
from agents.offline_model.building.schedules import ScheduleReader, Trigger
from agents.offline_model.building.selections import Condition, NeedsAnswer, Question, Selected, SelectionReader
from agents.offline_model.building.sentence import Sentence
from agents.offline_model.building.words.vocabulary import BuildingWords

Spec = dict[str, Any]
_LONGEST_NAME = 60
_MIN_TOKENS = 1_000


@dataclass(slots=True)
class Draft:
    """What has been read so far. ``spec`` is only a draft where there are ``questions``."""

    spec: Spec = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    warnings: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WishReader:
    """Reads a wish for a new batch."""

    words: BuildingWords
    schedules: ScheduleReader
    selections: SelectionReader

    def read(self, sentence: Sentence, draft: Draft) -> None:
        """Raises ``NotBuildable``."""
        name = self.take_preface(sentence)
        approval = self.take_approval(sentence)
        limits = self.take_limits(sentence, draft)
        named = sentence.take(self.words.bounds.name)
        name = self.selections.quotes.restore(named["name"]) if named else name
        trigger = self.schedules.read(sentence)
        draft.warnings += [Question(key, values) for key, values in trigger.warnings]
        if trigger.question == "ask often":
            raise NotBuildable("cannot often")
        if trigger.question:
            draft.questions.append(Question(trigger.question))
        self.take_preface(sentence)
        wish = as_imperative(sentence.text.strip(" .,!?;:"), self.words)
        try:
            about = self.read_changed(trigger, draft)
            plan = DeedReader(self.selections, self.words, about).read(wish)
        except NeedsAnswer as needed:
            draft.questions.append(needed.question)
            return
        except NotBuildable as refusal:
            if refusal.question.key != "cannot" or trigger.spec["kind"] == "manual":
                raise
            draft.questions.append(Question("ask what"))
            return
        if not plan.steps:
            draft.questions.append(Question("ask what"))
            return
        draft.warnings += plan.warnings
        draft.questions += plan.questions
        if plan.questions and DESTRUCTIVE_TOOLS.intersection(plan.tools):
            # A draft that deletes more than was meant must not be kept by mistake.
            return
        selected = plan.selected or about or Selected(plan.steps[0].table)
        table = selected.table or plan.steps[0].table
        limit = limits.pop("items", None) or selected.limit or Limits().max_items
        draft.spec = {
            "name": self.name(name or self.words.what.it_at_an_end.sub(self.words.texts[table], wish)),
            "trigger": trigger.spec,
            "selection": {"table": table, "where": selected.where, "limit": limit},
            "steps": steps_of(plan),
            "limits": {**Limits().model_dump(), **limits, "max_items": limit},
            "approval": self.check_approval(approval, plan.tools, draft),
        }

    def take_preface(self, sentence: Sentence) -> str:
        """What leads to the wish; the name of the batch where one stands there."""
        name = ""
        while (match := self.words.what.preface.match(sentence.text)) is not None and match.end():
            name = self.selections.quotes.restore(match["name"] or "") or name
            sentence.text = sentence.text[match.end() :].lstrip(" ,:")
        return name

    def take_approval(self, sentence: Sentence) -> str:
        """The first that is found, which is the most specific; others go with it."""
        found = [name for name, pattern in self.words.bounds.approval if sentence.take(pattern)]
        return found[0] if found else ""

    def check_approval(self, approval: str, tools: Iterable[str], draft: Draft) -> str:
        """Nothing is deleted without asking."""
        if approval == "never" and DESTRUCTIVE_TOOLS.intersection(tools):
            draft.warnings.append(Question("warn never"))
            return "destructive"
        return approval or "destructive"

    def take_limits(self, sentence: Sentence, draft: Draft) -> dict[str, int]:
        """``items``, ``max_minutes`` and ``max_tokens``, as far as they were said."""
        found: dict[str, int] = {}
        while (match := sentence.take(self.words.bounds.limit)) is not None:
            count = self.schedules.count(match["count"])
            unit = (match["unit"] or "").lower()
            if unit.startswith("min"):
                found["max_minutes"] = min(max(count, 1), MAX_MINUTES)
            elif unit:
                found["max_tokens"] = min(max(count, _MIN_TOKENS), MAX_TOKENS)
            else:
                found["items"] = min(max(count, 1), MAX_ITEMS)
                if count > MAX_ITEMS:
                    draft.warnings.append(Question("warn items", {"n": MAX_ITEMS}))
        return found

    def read_changed(self, trigger: Trigger, draft: Draft) -> Selected | None:
        """The record whose change is the trigger, which the trigger learns the table of. Raises ``NeedsAnswer``."""
        if not trigger.target:
            return None
        target = Sentence(trigger.target)
        is_new = target.take(self.words.which.recent) is not None or trigger.deed == "new"
        selected = self.selections.read(target.text)
        if not selected.table:
            raise NeedsAnswer("ask words", words=trigger.target, many="tasks")
        if trigger.spec["kind"] == "record_changed":
            trigger.spec["table"] = selected.table
        selected.where += [
            dict(condition) for condition in _AFTER.get(trigger.deed, ()) if condition not in selected.where
        ]
        if is_new:
            draft.warnings.append(Question("warn new"))
        return selected

    def name(self, text: str) -> str:
        """Short, and at the end of a word."""
        text = self.selections.quotes.restore(text).strip(" .,;:!?“”\"'")
        if len(text) > _LONGEST_NAME:
            text = text[:_LONGEST_NAME].rsplit(" ", 1)[0].rstrip(" ,;:")
        return f"{text[:1].upper()}{text[1:]}"


# What a record is like after each deed.
_AFTER: Mapping[str, Sequence[Condition]] = {
    "done": [{"field": "status", "op": "eq", "value": "done"}],
    "in_progress": [{"field": "status", "op": "eq", "value": "in_progress"}],
    "archived": [{"field": "status", "op": "eq", "value": "archived"}],
    "approved": [{"field": "is_approved", "op": "eq", "value": True}],
    "overdue": [
        {"field": "due_date", "op": "older_than_days", "value": 0},
        {"field": "status", "op": "ne", "value": "done"},
    ],
}


def steps_of(plan: Plan, taken: int = 0) -> list[Spec]:
    """The steps as a spec has them; ``taken`` is how many stand before them."""
    return [
        {
            "id": f"step_{number}",
            "type": step.type,
            "instruction": step.instruction,
            "tools": list(dict.fromkeys(step.tools)),
        }
        for number, step in enumerate(plan.steps, taken + 1)
    ]
