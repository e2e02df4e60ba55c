"""Compares what was done with what a case asks for, and adds it up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.actions import Action
from tests.eval.golden import Case, Expected


@dataclass(frozen=True, slots=True)
class Answer:
    """What a turn came to. ``problem`` is the code of the error it ended with."""

    agents: tuple[str, ...]
    actions: tuple[Action, ...] = ()
    response: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``right``, ``missing`` and ``wrong`` are tools: of expected actions made, of those not made, of others made."""

    case: Case
    answer: Answer
    right: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def routed(self) -> bool:
        return set(self.answer.agents) == set(self.case.agents)

    @property
    def asked(self) -> bool:
        return not self.case.asks or "?" in self.answer.response

    @property
    def passed(self) -> bool:
        done = not self.missing and not self.wrong and not self.answer.problem
        return done and self.routed and self.asked and bool(self.answer.response)


def judge(case: Case, answer: Answer) -> Verdict:
    """Reads beyond those asked for are a model's way of looking things up: they are neither right nor wrong."""
    left = list(answer.actions)
    right: list[str] = []
    missing: list[str] = []
    if case.some is not None:
        right = [action.name for action in left if _fits(case.some, action, case.may)]
        missing = [] if right else [case.some.tool]
        left = [action for action in left if not _fits(case.some, action, case.may)]
    for expected in case.do:
        found = next((action for action in left if _fits(expected, action, case.may)), None)
        if found is None:
            missing.append(expected.tool)
        else:
            right.append(found.name)
            left.remove(found)
    wanted_reads = {expected.tool for expected in case.do}
    wrong = [action.name for action in left if action.type != "query_records" or action.name in wanted_reads]
    return Verdict(case, answer, tuple(right), tuple(missing), tuple(wrong))


def _fits(expected: Expected, action: Action, may: Iterable[str]) -> bool:
    made = {name: value for name, value in action.data.items() if name not in may or name in expected.fields}
    if "id" in expected.fields:
        made["id"] = action.record_id
    return (
        action.name == expected.tool
        and made.keys() == expected.fields.keys()
        and all(_equal(expected.fields[name], value) for name, value in made.items())
    )


def _equal(expected: Any, value: Any) -> bool:
    if isinstance(expected, list):
        return any(_equal(one, value) for one in expected)
    if isinstance(expected, Mapping):
        if "given" in expected:
            return bool(value)
        return all(_plain(word) in _plain(value) for word in expected["holds"])
    if isinstance(expected, str) and isinstance(value, str):
        return _plain(expected) == _plain(value)
    return type(expected) is type(value) and bool(expected == value)


def _plain(text: Any) -> str:
    return " ".join(str(text).casefold().replace("’", "'").split()).strip(' .!"“”„')


def _share(part: int, whole: int) -> float:
    """Nobody is right by doing nothing."""
    return part / whole if whole else 0.0


@dataclass(slots=True)
class Tally:
    """Counts over some of the cases."""

    cases: int = 0
    passed: int = 0
    routed: int = 0
    right: int = 0
    missing: int = 0
    wrong: int = 0

    @property
    def routing(self) -> float:
        return _share(self.routed, self.cases)

    @property
    def precision(self) -> float:
        return _share(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return _share(self.right, self.right + self.missing)

    @property
    def pass_rate(self) -> float:
        return _share(self.passed, self.cases)

    def add(self, verdict: Verdict) -> None:
        self.cases += 1
        self.passed += verdict.passed
        self.routed += verdict.routed
        self.right += len(verdict.right)
        self.missing += len(verdict.missing)
        self.wrong += len(verdict.wrong)


@dataclass(slots=True)
class Scores:
    """``languages`` by file name. ``agents`` hold the cases that need that agent, and actions by the tool's owner."""

    overall: Tally = field(default_factory=Tally)
    languages: dict[str, Tally] = field(default_factory=dict)
    agents: dict[str, Tally] = field(default_factory=dict)
    failed: list[Verdict] = field(default_factory=list)

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], owners: Mapping[str, str]) -> "Scores":
        scores = cls()
        for verdict in verdicts:
            scores.overall.add(verdict)
            scores.languages.setdefault(verdict.case.language, Tally()).add(verdict)
            scores._add_agents(verdict, owners)
            if not verdict.passed:
                scores.failed.append(verdict)
        return scores

    def _add_agents(self, verdict: Verdict, owners: Mapping[str, str]) -> None:
        for name in verdict.case.agents:
            tally = self.agents.setdefault(name, Tally())
            tally.cases += 1
            tally.passed += verdict.passed
            tally.routed += name in verdict.answer.agents
        for kind in ("right", "missing", "wrong"):
            for tool, count in Counter(getattr(verdict, kind)).items():
                tally = self.agents.setdefault(owners[tool], Tally())
                setattr(tally, kind, getattr(tally, kind) + count)
