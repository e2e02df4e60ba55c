"""Whatever a model says is a batch, a question, a refusal, or something to send back: nothing else can happen."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batches.builder.answers import Draft, InvalidAnswerError, first_due, parse
from agents.batches.builder.prompt import MAX_CONTEXT_CHARACTERS, answer_schema, shown_context
from agents.batches.builder.wording import ENGLISH, GERMAN, ITALIAN, WORDINGS, known_wording, wording_for
from agents.batches.spec.batch_spec import BatchSpec
from agents.batches.spec.schedules import zone_of
from agents.batches.spec.vocabulary import TABLES
from agents.prompting import compact_json
from tests.agents.batches.spec.specs import TIDY, changed

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NAMES = {"projects": {"bathroom": "p-1"}}
WORDS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def read(answer: str) -> Draft:
    return parse(answer, now=NOW, timezone="Europe/Rome", names=NAMES)


def said(spec: Any, **fields: Any) -> str:
    return json.dumps({"buildable": True, "spec": spec, "explanation": "It tidies.", **fields})


PLACES = [
    *("buildable", "reason", "explanation", "questions", "warnings"),
    *("spec.name", "spec.trigger", "spec.trigger.kind", "spec.trigger.rrule", "spec.trigger.anchor"),
    *("spec.trigger.timezone", "spec.trigger.catch_up", "spec.selection", "spec.selection.table"),
    *("spec.selection.where", "spec.selection.where.0", "spec.selection.where.0.field", "spec.selection.where.0.op"),
    *("spec.selection.where.0.value", "spec.selection.limit", "spec.steps", "spec.steps.0", "spec.steps.0.id"),
    *("spec.steps.0.tools", "spec.steps.0.tools.0", "spec.limits", "spec.limits.max_items", "spec.approval", "spec"),
]


@given(st.sampled_from(PLACES), JSON | st.sampled_from(["project_id", "eq", "9999-12-31T23:59", "FREQ=DAILY;COUNT=1"]))
def test_an_answer_with_anything_anywhere(place: str, value: Any) -> None:
    answer: Any = json.loads(said(TIDY, questions=[], warnings=[]))
    node = answer
    *names, last = [int(name) if name.isdigit() else name for name in place.split(".")]
    for name in names:
        node = node[name]
    node[last] = value
    try:
        draft = read(json.dumps(answer))
    except InvalidAnswerError as error:
        problem = str(error)
    else:
        assert draft.spec is None or BatchSpec.model_validate(draft.spec.as_dict()) == draft.spec
        return
    assert problem


@given(JSON)
def test_an_answer_of_any_shape(value: Any) -> None:
    try:
        draft = read(json.dumps(value))
    except InvalidAnswerError:
        return
    assert draft.spec is None


@given(st.text(max_size=200))
def test_an_answer_of_any_text(text: str) -> None:
    try:
        draft = read(text)
    except InvalidAnswerError:
        return
    assert draft.spec is None


def test_questions_survive_a_spec_that_is_none() -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        read(said({"name": "Half"}, questions=["Which day?", " "]))

    assert refused.value.fallback is not None
    assert (refused.value.fallback.spec, refused.value.fallback.questions) == (None, ["Which day?"])


def test_the_schema_asks_for_no_version() -> None:
    schema = answer_schema()

    assert "version" not in schema["$defs"]["BatchSpec"]["properties"]
    assert "version" not in schema["$defs"]["BatchSpec"]["required"]
    assert "version" in BatchSpec.model_json_schema()["properties"]


FIRST: dict[str, tuple[tuple[str, str], str]] = {
    "as it is": (("FREQ=DAILY", "2026-12-05T09:00"), "2026-12-05T09:00"),
    "to the day that is named": (("FREQ=WEEKLY;BYDAY=FR", "2026-12-01T09:00"), "2026-12-04T09:00"),
    "to the hour that is named": (("FREQ=DAILY;BYHOUR=8,17", "2026-12-01T09:00"), "2026-12-01T17:00"),
    "to the minute that is named": (("FREQ=DAILY;BYHOUR=9;BYMINUTE=30", "2026-12-01T09:00"), "2026-12-01T09:30"),
    "to the last of the month": (("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-12-01T09:00"), "2026-12-31T09:00"),
    "to the next leap day": (("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=29", "2026-12-01T09:00"), "2028-02-29T09:00"),
    "from the past": (("FREQ=DAILY", "2020-01-01T09:00"), "2026-11-30T09:00"),
    "later today": (("FREQ=DAILY", "2026-11-29T18:00"), "2026-11-29T18:00"),
    "in the rhythm of the past": (("FREQ=DAILY;INTERVAL=2", "2026-11-28T09:00"), "2026-11-30T09:00"),
    "not into a gap": (("FREQ=MONTHLY;BYMONTH=3;BYMONTHDAY=28", "2020-03-28T02:30"), "2028-03-28T02:30"),
    "nowhere, where the rule never is": (
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "2026-12-01T09:00"),
        "2026-12-01T09:00",
    ),
    "nowhere, where it is over": (("FREQ=DAILY;UNTIL=20200201", "2020-01-01T09:00"), "2020-01-01T09:00"),
}


@pytest.mark.parametrize(("given_rule", "first"), FIRST.values(), ids=FIRST)
def test_the_first_run_is_one_that_is_named(given_rule: tuple[str, str], first: str) -> None:
    rule, anchor = given_rule
    found = first_due(rule, datetime.fromisoformat(anchor), zone_of("Europe/Rome"), NOW)

    assert found.isoformat(timespec="minutes") == first


NEVER = [
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=" + ",".join(map(str, range(24))),
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=366",
    "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=31;BYMONTH=2,4,6,9,11;BYSETPOS=1",
]


@pytest.mark.parametrize("rule", NEVER)
def test_a_rule_that_never_is_takes_no_time(rule: str) -> None:
    anchor = datetime.fromisoformat("2026-12-01T09:00")
    started = time.process_time()

    assert first_due(rule, anchor, zone_of("Europe/Rome"), NOW) == anchor
    assert time.process_time() - started < 1


def test_the_context_is_shown_in_part() -> None:
    rows = [{"id": number, "title": "x" * 500, "description": "hidden", "status": "todo"} for number in range(900)]
    shown = shown_context({"recent_tasks": rows, "projects": [{"id": "p-1", "name": "B"}, "no row"], "notes": "none"})

    assert shown["projects"] == [{"id": "p-1", "name": "B"}]
    assert shown["recent_tasks"][0] == {"id": 0, "title": "x" * 200, "status": "todo"}
    assert len(compact_json(shown)) <= MAX_CONTEXT_CHARACTERS * 1.1
    assert 0 < len(shown["recent_tasks"]) < 900
    assert shown_context({}) == {}


@pytest.mark.parametrize(
    ("message", "wording"),
    [
        ("Delete all done tasks every Monday", ENGLISH),
        ("Lösche jeden Montag die erledigten Aufgaben", GERMAN),
        ("Jeden Freitag um 17 Uhr eine Notiz", GERMAN),
        ("Ogni lunedì elimina le attività completate", ITALIAN),
        ("Il venerdì archivia i progetti finiti", ITALIAN),
        ("Chaque lundi, supprime les choses finies", None),
        ("毎週月曜日", None),
        ("", None),
    ],
)
def test_the_language_of_a_message(message: str, wording: object) -> None:
    assert known_wording(message) is wording
    assert wording_for(message, "Löscht die Aufgaben von gestern") is (wording or GERMAN)


def test_every_wording_says_everything() -> None:
    for wording in WORDINGS:
        assert set(wording.tables) == set(wording.which_one) == set(TABLES)
        assert all(wording.sentences())
        assert wording.list(["a", "b", "a", "c"]) == f"a, b {wording.joint} c"


def test_a_change_of_a_spec_is_a_spec() -> None:
    assert read(said(changed("name", "Other"))).spec == BatchSpec.model_validate(changed("name", "Other"))
