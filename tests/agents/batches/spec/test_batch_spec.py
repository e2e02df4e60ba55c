"""A BatchSpec takes what docs/api.md § 14 says, and nothing else; its JSON Schema says the same."""

import copy
from datetime import UTC, datetime
from typing import Any, get_args

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.actions import Table
from agents.batches.spec.batch_spec import BatchSpec, Schedule, problems_of
from agents.batches.spec.json_schema import DIALECT, schema
from agents.batches.spec.vocabulary import AGENT_OF, DESTRUCTIVE_TOOLS, FIELDS, OPS, READ_TOOLS, TOOLS, FieldKind
from chat import openapi
from tests.agents.batches.spec.specs import TIDY, changed, where, without

MANUAL = {"kind": "manual"}
PUBLISHED = jsonschema_rs.validator_for(schema(), validate_formats=True)


def problems(value: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        BatchSpec.model_validate(value)
    return problems_of(refused.value)


def test_a_spec_is_written_as_it_was_read() -> None:
    spec = BatchSpec.model_validate(TIDY)

    assert spec.as_dict() == TIDY
    assert PUBLISHED.is_valid(TIDY)


def test_what_may_be_left_out_is_filled_in() -> None:
    short = {
        "version": 1,
        "name": "Tidy",
        "trigger": MANUAL,
        "selection": {"table": "notes"},
        "steps": [{"id": "a", "type": "agent", "instruction": "Sum up.", "tools": []}],
    }

    spec = BatchSpec.model_validate(short).as_dict()

    assert PUBLISHED.is_valid(short)
    assert spec["selection"] == {"table": "notes", "where": [], "limit": 100}
    assert spec["limits"] == {"max_items": 100, "max_tokens": 500_000, "max_minutes": 60}
    assert spec["approval"] == "destructive"


@pytest.mark.parametrize("trigger", [MANUAL, *({"kind": "record_changed", "table": t} for t in get_args(Table))])
def test_other_triggers(trigger: dict[str, Any]) -> None:
    spec = changed("trigger", trigger)

    assert BatchSpec.model_validate(spec).as_dict() == spec
    assert PUBLISHED.is_valid(spec)


WRONG: dict[str, tuple[Any, str]] = {
    "another version": (changed("version", 2), "version"),
    "no version": (without("version"), "version"),
    "a field that there is not": (changed("color", "red"), "color"),
    "one further in": (changed("limits.max_money", 3), "limits.max_money"),
    "one of another trigger": (changed("trigger", MANUAL | {"table": "tasks"}), "trigger.table"),
    "a blank name": (changed("name", "  "), "name"),
    "a long name": (changed("name", "x" * 121), "name"),
    "no trigger": (without("trigger"), "trigger"),
    "a trigger of no kind": (changed("trigger", {"kind": "webhook"}), "trigger"),
    "a table that there is not": (changed("trigger", {"kind": "record_changed", "table": "users"}), "trigger.table"),
    "no selection": (without("selection"), "selection"),
    "more records than a run takes": (changed("selection.limit", 1001), "selection.limit"),
    "no record": (changed("selection.limit", 0), "selection.limit"),
    "a number in words": (changed("selection.limit", "10"), "selection.limit"),
    "a flag for a number": (changed("selection.limit", True), "selection.limit"),
    "no step": (changed("steps", []), "steps"),
    "too many steps": (changed("steps", TIDY["steps"] * 11), "steps"),
    "an id that is none": (changed("steps.0.id", "No Id"), "steps.0.id"),
    "a step of no type": (changed("steps.0.type", "loop"), "steps.0.type"),
    "no instruction": (changed("steps.0.instruction", " "), "steps.0.instruction"),
    "no list of tools": (without("steps.0.tools"), "steps.0.tools"),
    "a tool that there is not": (changed("steps.0.tools", ["send_mail"]), "steps.0.tools"),
    "a tool twice": (changed("steps.0.tools", ["update_task", "update_task"]), "steps.0.tools"),
    "no token": (changed("limits.max_tokens", 0), "limits.max_tokens"),
    "approval by nobody": (changed("approval", "sometimes"), "approval"),
    "a field the table does not have": (where("notes", ("priority", "eq", "high")), "selection.where.0"),
    "an op that there is not": (where("tasks", ("title", "like", "x")), "selection.where.0.op"),
    "an op the field does not take": (where("tasks", ("title", "gt", "x")), "selection.where.0"),
    "a value that is no choice": (where("tasks", ("status", "eq", "open")), "selection.where.0"),
    "a value that is no day": (where("tasks", ("due_date", "lt", "tomorrow")), "selection.where.0"),
    "one value for several": (where("tasks", ("status", "in", "todo")), "selection.where.0"),
    "several for one": (where("tasks", ("status", "eq", ["todo"])), "selection.where.0"),
    "none of several": (where("tasks", ("status", "in", [])), "selection.where.0"),
    "days that are no number": (where("tasks", ("due_date", "within_days", "7")), "selection.where.0"),
    "days that are a flag": (where("tasks", ("due_date", "within_days", True)), "selection.where.0"),
    "days back": (where("tasks", ("due_date", "older_than_days", -1)), "selection.where.0"),
    "a flag in words": (where("checkpoints", ("is_approved", "eq", "false")), "selection.where.0"),
    "the second condition": (where("tasks", ("title", "eq", "a"), ("title", "eq", 1)), "selection.where.1"),
    "a text instead of an object": (changed("selection", "tasks"), "selection"),
    "a list": ([TIDY], ""),
}


@pytest.mark.parametrize(("wrong", "place"), WRONG.values(), ids=WRONG)
def test_it_refuses(wrong: Any, place: str) -> None:
    assert list(problems(wrong)) == [place]
    assert not PUBLISHED.is_valid(wrong)


# What a schema of JSON cannot say.
RULES: dict[str, tuple[Any, str]] = {
    "two steps of one id": (changed("steps", TIDY["steps"] * 2), "steps"),
    "a day that there is not": (changed("trigger.anchor", "2030-02-30T09:00:00"), "trigger.anchor"),
    "a zone that there is not": (changed("trigger.timezone", "Europe/Atlantis"), "trigger.timezone"),
    "an offset": (changed("trigger.timezone", "+02:00"), "trigger.timezone"),
    "a rule that is none": (changed("trigger.rrule", "FREQ=NEVER"), "trigger"),
    "an anchor the rule does not name": (changed("trigger.anchor", "2030-01-08T09:00:00"), "trigger"),
}


@pytest.mark.parametrize(("wrong", "place"), RULES.values(), ids=RULES)
def test_it_refuses_what_only_code_can_tell(wrong: Any, place: str) -> None:
    assert list(problems(wrong)) == [place]


def test_a_refusal_quotes_no_value() -> None:
    found = problems(
        changed("steps.0.tools", ["SECRET"]) | {"name": "SECRET" * 100, "trigger": {"kind": "SECRET"}}
    ) | problems(where("tasks", ("status", "eq", "SECRET")))

    assert "SECRET" not in str(found)


def test_a_canonical_anchor_has_seconds() -> None:
    spec = BatchSpec.model_validate(changed("trigger.anchor", "2030-01-07T09:00"))

    assert spec.as_dict() == TIDY


def test_a_schedule_says_when_it_runs_next() -> None:
    trigger = BatchSpec.model_validate(TIDY).trigger

    assert isinstance(trigger, Schedule)
    assert trigger.next_runs(datetime(2030, 1, 7, 8, tzinfo=UTC)) == [
        datetime(2030, 1, 10, 8, tzinfo=UTC),
        datetime(2030, 1, 14, 8, tzinfo=UTC),
        datetime(2030, 1, 17, 8, tzinfo=UTC),
    ]


def test_the_tools_are_the_whole_vocabulary() -> None:
    assert set(TOOLS) == set(openapi.TOOLS) == set(AGENT_OF)
    assert set(openapi.READ_TOOLS) == READ_TOOLS
    assert {name for name in TOOLS if name.startswith("delete_")} == DESTRUCTIVE_TOOLS


def test_the_fields_are_those_that_tools_write() -> None:
    kinds = {table: {name: field.kind.value for name, field in fields.items()} for table, fields in FIELDS.items()}
    common = {"id": "id", "created_at": "day", "updated_at": "day"}

    assert kinds == {
        "tasks": common
        | {"title": "text", "description": "text", "status": "choice", "priority": "choice", "due_date": "day"}
        | {"project_id": "id"},
        "task_comments": common | {"task_id": "id", "content": "text"},
        "projects": common | {"name": "text", "description": "text", "status": "choice"},
        "checkpoints": common
        | {"project_id": "id", "title": "text", "description": "text", "due_date": "day", "status": "choice"}
        | {"is_ai_suggested": "flag", "is_approved": "flag"},
        "notes": common | {"title": "text", "content": "text", "project_id": "id"},
    }
    assert FIELDS["projects"]["status"].choices == ("active", "archived")


def test_the_published_schema_is_a_schema() -> None:
    published = schema()

    assert published["$schema"] == DIALECT
    jsonschema_rs.meta.validate(published)
    assert published == schema()


VALUES = st.one_of(
    st.booleans(),
    st.integers(-1, 4000),
    st.sampled_from(["", "a", "todo", "high", "active", "2030-01-31", "2030-1-31", "x" * 130]),
    st.lists(st.sampled_from(["todo", "done", "2030-01-31", "low", ""]), max_size=3),
    st.none(),
)
FIELD_NAMES = sorted({name for fields in FIELDS.values() for name in fields} | {"color"})
CONDITIONS = st.tuples(st.sampled_from(FIELD_NAMES), st.sampled_from(OPS), VALUES)


@given(st.sampled_from(get_args(Table)), CONDITIONS)
def test_the_published_schema_takes_the_conditions_that_the_models_take(
    table: str, condition: tuple[str, str, Any]
) -> None:
    spec = where(table, condition)
    try:
        BatchSpec.model_validate(spec)
    except ValidationError:
        assert not PUBLISHED.is_valid(spec)
    else:
        assert PUBLISHED.is_valid(spec)


def test_every_op_of_every_field_has_a_value() -> None:
    examples: dict[FieldKind, Any] = {
        FieldKind.TEXT: "a",
        FieldKind.DAY: "2030-01-31",
        FieldKind.FLAG: True,
        FieldKind.ID: "p-1",
    }
    for table, fields in FIELDS.items():
        for name, field in fields.items():
            one = field.choices[0] if field.choices else examples[field.kind]
            for op in field.ops:
                value = {"in": [one], "is_empty": False, "contains": "a", "within_days": 7, "older_than_days": 0}
                spec = where(table, (name, op, value.get(op, one)))
                assert BatchSpec.model_validate(spec).as_dict() == spec
                assert PUBLISHED.is_valid(spec)


WORDS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
PLACES = ["name", "trigger", "trigger.rrule", "selection", "selection.where", "steps", "steps.0", "limits", "approval"]


@given(st.sampled_from(PLACES), JSON)
def test_any_json_is_a_spec_or_refused(place: str, value: Any) -> None:
    given_value = changed(place, copy.deepcopy(value))
    try:
        spec = BatchSpec.model_validate(given_value)
    except ValidationError:
        assert problems(given_value)
    else:
        assert BatchSpec.model_validate(spec.as_dict()) == spec
        assert PUBLISHED.is_valid(given_value)
