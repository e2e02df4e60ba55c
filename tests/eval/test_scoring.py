"""The golden set and how it is scored: a wrong answer counts as wrong."""

from dataclasses import replace
from typing import Any

import pytest

from agents.actions import Action
from tests.eval.golden import Case, Expected, cases, record_id, tools_by_agent
from tests.eval.report import lines
from tests.eval.scoring import Answer, Scores, judge

CASES = cases()
TASK = Case(
    language="english",
    say="create a task",
    context="empty",
    agents=("task_agent",),
    do=(Expected("create_task", {"title": ["Buy milk", "Milk"], "due_date": "2026-11-19"}),),
    may=frozenset(("description",)),
)


def _create(**data: Any) -> Action:
    return Action(name="create_task", type="create_record", table="tasks", record_id="new", data=data)


def _delete(record: str) -> Action:
    return Action(name="delete_task", type="delete_record", table="tasks", record_id=record)


def _read(**data: Any) -> Action:
    return Action(name="list_tasks", type="query_records", table="tasks", data=data)


def _answer(*actions: Action, response: str = "Done.") -> Answer:
    return Answer(("task_agent",), actions, response)


RIGHT = _create(title="buy milk.", due_date="2026-11-19")


def test_the_set_is_large_and_covers_the_vocabulary() -> None:
    assert len(CASES) >= 120
    per_language = {language: sum(case.language == language for case in CASES) for language in
                    ("english", "italian", "german")}  # fmt: skip
    assert min(per_language.values()) >= 50
    named = {expected.tool for case in CASES for expected in (*case.do, *([case.some] if case.some else []))}
    assert named == {tool for tools in tools_by_agent().values() for tool in tools}
    assert sum(len(case.agents) > 1 for case in CASES) >= 8
    assert sum(case.asks for case in CASES) >= 10
    assert len({case.say for case in CASES}) >= len(CASES) - 5


@pytest.mark.parametrize("case", CASES, ids=[f"{case.language}: {case.say[:40]}" for case in CASES])
def test_every_case_can_fail(case: Case) -> None:
    wrong = Action(name="delete_task", type="delete_record", table="tasks", record_id="some other record")
    assert not judge(case, Answer(case.agents, (wrong,), "Which one?")).passed
    assert not judge(case, Answer(("chef_agent",), (), "Which one?")).passed
    assert not judge(case, Answer(case.agents, (), "")).passed
    assert not judge(case, Answer(case.agents, problem="upstream_error")).passed
    if case.do or case.some:
        assert not judge(case, Answer(case.agents, (), "Done.")).passed


@pytest.mark.parametrize(
    "made",
    [
        [RIGHT],
        [_create(title="Milk", due_date="2026-11-19", description="two")],
        [_read(), RIGHT, _read(limit=5)],
    ],
)
def test_right_answers(made: list[Action]) -> None:
    assert judge(TASK, _answer(*made)).passed


@pytest.mark.parametrize(
    ("made", "missing", "wrong"),
    [
        ([], 1, 0),
        ([_create(title="Buy bread", due_date="2026-11-19")], 1, 1),
        ([_create(title="Buy milk", due_date="2026-11-20")], 1, 1),
        ([_create(title="Buy milk")], 1, 1),
        ([_create(title="Buy milk", due_date="2026-11-19", priority="high")], 1, 1),
        ([RIGHT, RIGHT], 0, 1),
        ([RIGHT, _delete("x")], 0, 1),
    ],
)
def test_wrong_answers(made: list[Action], missing: int, wrong: int) -> None:
    verdict = judge(TASK, _answer(*made))
    assert (len(verdict.missing), len(verdict.wrong)) == (missing, wrong)
    assert not verdict.passed


def test_another_record_is_wrong() -> None:
    case = replace(TASK, do=(Expected("delete_task", {"id": record_id("milk")}),))
    assert judge(case, _answer(_delete(record_id("milk")))).passed
    assert not judge(case, _answer(_delete(record_id("bob")))).passed


def test_a_read_that_is_asked_for_must_ask_for_the_right_thing() -> None:
    case = replace(TASK, do=(Expected("list_tasks", {"priority": "high"}),))
    assert judge(case, _answer(_read(priority="high"))).passed
    verdict = judge(case, _answer(_read()))
    assert (verdict.missing, verdict.wrong) == (("list_tasks",), ("list_tasks",))


def test_words_and_types_are_compared_as_they_are_meant() -> None:
    case = replace(TASK, do=(Expected("create_task", {"title": {"holds": ["milk", "two"]}, "flag": True}),))
    assert judge(case, _answer(_create(title="Buy TWO bottles of milk", flag=True))).passed
    assert not judge(case, _answer(_create(title="Buy milk", flag=True))).passed
    assert not judge(case, _answer(_create(title="two milk", flag="True"))).passed
    assert not judge(case, _answer(_create(title="two milk", flag=1))).passed


def test_a_question_is_asked_or_not() -> None:
    case = replace(TASK, do=(), asks=True)
    assert judge(case, _answer(response="Which one?")).passed
    assert not judge(case, _answer(response="Done.")).passed


def test_the_figures_add_up() -> None:
    verdicts = [
        judge(TASK, _answer(RIGHT)),
        judge(TASK, _answer(RIGHT, _delete("x"))),
        judge(TASK, Answer(("note_agent",), (), "No.")),
    ]
    scores = Scores.of(verdicts, {"create_task": "task_agent", "delete_task": "task_agent"})
    total = scores.overall
    assert (total.cases, total.passed, total.routed, total.right, total.missing, total.wrong) == (3, 1, 2, 2, 1, 1)
    assert (total.precision, total.recall) == (2 / 3, 2 / 3)
    assert scores.agents["task_agent"].routed == 2
    text = "\n".join(lines(scores, "some/model"))
    assert "some/model: 1 of 3 cases passed" in text
    assert "agents note_agent instead of task_agent" in text
