"""The sentences for the Batch Builder and how they are scored: a wrong batch counts as wrong."""

from collections.abc import Mapping
from typing import Any

import pytest

from agents.batches.spec.batch_spec import BatchSpec
from agents.batches.spec.vocabulary import TOOLS
from tests.eval.building.golden import Case, cases
from tests.eval.building.report import lines
from tests.eval.building.scoring import DIMENSIONS, Answer, Scores, judge

CASES = cases()
EXPECTED = {
    "when": {"rrule": "FREQ=WEEKLY;BYDAY=MO", "at": "09:00"},
    "table": "tasks",
    "where": [["status", "ne", "done"]],
    "may": [["priority", "eq", "high"]],
    "do": {"map": ["update_task"]},
}
CASE = Case("english", "every Monday at 9 prioritise my open tasks", EXPECTED)
SPEC: Mapping[str, Any] = {
    "version": 1,
    "name": "Open tasks",
    "trigger": {
        "kind": "schedule",
        "rrule": "FREQ=WEEKLY;BYDAY=MO",
        "anchor": "2026-11-23T09:00:00",
        "timezone": "Europe/Rome",
    },
    "selection": {"table": "tasks", "where": [{"field": "status", "op": "ne", "value": "done"}]},
    "steps": [{"id": "rate", "type": "map", "instruction": "Set its priority.", "tools": ["update_task"]}],
}


def _answer(spec: Mapping[str, Any] = SPEC, **changes: Any) -> Answer:
    return Answer(spec=BatchSpec.model_validate({**spec, **changes}), explanation="It runs on Mondays.")


def _where(*conditions: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "table": "tasks",
        "where": [{"field": name, "op": op, "value": value} for name, op, value in conditions],
    }


def test_the_set_is_large_and_speaks_of_everything() -> None:
    per_language = {language: sum(case.language == language for case in CASES) for language in
                    ("english", "german", "italian")}  # fmt: skip
    assert min(per_language.values()) >= 20
    assert len(CASES) >= 60
    for language in per_language:
        own = [case for case in CASES if case.language == language]
        dimensions = {name for case in own for name in judge(case, Answer()).right}
        assert dimensions == set(DIMENSIONS)
        assert any(case.expected.get("asks") for case in own)
        assert any(case.expected.get("buildable") is False for case in own)
    named = {tool for case in CASES for tools in case.expected.get("do", {}).values() for tool in tools}
    assert named <= TOOLS.keys()
    assert len({case.say for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.language}: {case.say[:40]}" for case in CASES])
def test_every_case_can_fail(case: Case) -> None:
    other = _answer(
        name="Something else",
        trigger={"kind": "record_changed", "table": "task_comments"},
        selection={"table": "task_comments", "limit": 7},
        steps=[{"id": "x", "type": "agent", "instruction": "Nothing.", "tools": ["delete_task_comment"]}],
    )
    assert not judge(case, Answer()).passed
    assert not judge(case, Answer(problem="upstream_error")).passed
    if case.expected.get("buildable", True):
        assert not judge(case, Answer(reason="No.")).passed
        assert not judge(case, other).passed
    else:
        assert not judge(case, Answer(questions=("Which?",))).passed


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trigger": {**SPEC["trigger"], "rrule": "FREQ=DAILY;BYDAY=MO;BYHOUR=9"}},
        {"selection": _where(("status", "in", ["in_progress", "todo"]))},
        {"selection": _where(("priority", "eq", "high"), ("status", "ne", "done"))},
        {"steps": [{**SPEC["steps"][0], "tools": ["list_tasks", "update_task"]}]},
    ],
)
def test_what_means_the_same_is_right(changes: dict[str, Any]) -> None:
    assert judge(CASE, _answer(**changes)).passed


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"trigger": {"kind": "manual"}}, "trigger"),
        ({"trigger": {**SPEC["trigger"], "anchor": "2026-11-23T08:00:00"}}, "trigger"),
        ({"trigger": {**SPEC["trigger"], "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"}}, "trigger"),
        ({"trigger": {**SPEC["trigger"], "timezone": "Europe/London"}}, "trigger"),
        ({"selection": _where()}, "selection"),
        ({"selection": _where(("status", "eq", "done"))}, "selection"),
        ({"selection": _where(("status", "ne", "done"), ("priority", "eq", "low"))}, "selection"),
        ({"steps": [{**SPEC["steps"][0], "type": "agent"}]}, "steps"),
        ({"steps": [{**SPEC["steps"][0], "tools": ["update_task", "delete_task"]}]}, "steps"),
        ({"approval": "never"}, "bounds"),
    ],
)
def test_what_differs_is_wrong(changes: dict[str, Any], wrong: str) -> None:
    right = judge(CASE, _answer(**changes)).right
    assert [name for name, is_right in right.items() if not is_right] == [wrong]


def test_a_change_leaves_the_rest_alone() -> None:
    before = BatchSpec.model_validate(SPEC)
    case = Case("english", "call it Round", {"name": "Round"}, before)
    assert judge(case, _answer(name="Round")).passed
    assert not judge(case, _answer()).passed
    assert judge(case, _answer(name="Round", limits={"max_items": 99})).right == {
        "verdict": True,
        "bounds": True,
        "unchanged": False,
    }


def test_the_figures_add_up() -> None:
    scores = Scores.of([judge(CASE, _answer()), judge(CASE, _answer(approval="always")), judge(CASE, Answer())])
    assert (scores.overall.cases, scores.overall.passed) == (3, 1)
    assert (scores.overall.share("trigger"), scores.overall.share("bounds")) == (2 / 3, 1 / 3)
    assert scores.overall.share("unchanged") is None
    text = "\n".join(lines(scores, "some/model"))
    assert "some/model: 1 of 3 batches built as they should be" in text
    assert "wrong: bounds" in text
