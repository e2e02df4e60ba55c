"""Changing a batch: whatever two specs there are, what comes is a spec, and one of the same words changes nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batches.builder.checks import Circumstances, check
from agents.batches.builder.revisions import keep_unasked
from agents.batches.builder.wording import ENGLISH
from agents.batches.spec.batch_spec import BatchSpec
from agents.batches.spec.vocabulary import DESTRUCTIVE_TOOLS, TOOLS
from agents.tools.records import RunRecords
from tests.agents.batches.spec.specs import TIDY, changed

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MESSAGES = ["", "Call it X", "On Fridays, at most 20", "Am Freitag", "Di venerdì, senza chiedere", "毎週"]
TRIGGERS: list[dict[str, Any]] = [
    {"kind": "manual"},
    {"kind": "record_changed", "table": "notes"},
    *(
        {"kind": "schedule", "rrule": rule, "anchor": anchor, "timezone": zone, "catch_up": "latest"}
        for rule, anchor in [
            ("FREQ=DAILY", "2026-11-01T09:00:00"),
            ("FREQ=DAILY;COUNT=3", "2026-11-01T09:00:00"),
            ("FREQ=WEEKLY;INTERVAL=2", "2026-11-02T09:00:00"),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-11-09T18:00:00"),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-11-06T18:00:00"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30T09:00:00"),
        ]
        for zone in ("Europe/Rome", "UTC")
    ),
]
STEPS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    id=st.sampled_from(["a", "b", "step_1"]),
    type=st.sampled_from(["map", "agent"]),
    instruction=st.sampled_from(["Rate it.", "rate  it", "Sum up."]),
    tools=st.lists(st.sampled_from([*TOOLS]), max_size=3, unique=True),
)
SPECS = st.builds(
    lambda **parts: BatchSpec.model_validate({**TIDY, **parts}),
    name=st.sampled_from(["One", "Two"]),
    trigger=st.sampled_from(TRIGGERS),
    selection=st.builds(
        dict,
        table=st.just("tasks"),
        where=st.lists(
            st.sampled_from(
                [
                    {"field": "status", "op": "ne", "value": "done"},
                    {"field": "title", "op": "contains", "value": "x"},
                    {"field": "project_id", "op": "eq", "value": "p-9"},
                ]
            ),
            max_size=3,
        ),
        limit=st.sampled_from([10, 1000]),
    ),
    steps=st.lists(STEPS, min_size=1, max_size=3, unique_by=lambda step: step["id"]),
    limits=st.builds(dict, max_items=st.sampled_from([5, 1000])),
    approval=st.sampled_from(["always", "destructive", "never"]),
)


@given(SPECS, SPECS, st.sampled_from(MESSAGES))
def test_a_change_makes_a_spec(new: BatchSpec, old: BatchSpec, message: str) -> None:
    kept = keep_unasked(new, old, message=message, now=NOW, timezone="Europe/Rome")

    assert BatchSpec.model_validate(kept.as_dict()) == kept
    assert keep_unasked(kept, old, message=message, now=NOW, timezone="Europe/Rome") == kept
    assert [step.type for step in kept.steps] == [step.type for step in new.steps]
    assert kept.trigger.kind == new.trigger.kind


@given(SPECS, st.sampled_from(MESSAGES))
def test_the_same_again_changes_nothing(spec: BatchSpec, message: str) -> None:
    assert keep_unasked(spec, spec, message=message, now=NOW, timezone="Europe/Rome") == spec


def circumstances(**known: Any) -> Circumstances:
    agents = ("task_agent", "project_agent", "note_agent", "checkpoint_agent")
    given_values: dict[str, Any] = {"message": "", "timezone": "Europe/Rome", "agents": agents, **known}
    return Circumstances(now=NOW, records=RunRecords(), **given_values)


@given(SPECS, st.sampled_from([50, 200, 1000]))
def test_no_spec_gets_past_the_checks(spec: BatchSpec, most: int) -> None:
    checked = check(spec, circumstances(max_items=most), ENGLISH)

    assert BatchSpec.model_validate(checked.spec.as_dict()) == checked.spec
    assert max(checked.spec.selection.limit, checked.spec.limits.max_items) <= most
    if spec.tools & DESTRUCTIVE_TOOLS:
        assert checked.spec.approval != "never"
        assert checked.warnings
    if any(condition.field == "project_id" for condition in spec.selection.where):
        assert "Which project do you mean?" in checked.questions
    assert check(checked.spec, circumstances(max_items=most), ENGLISH).spec == checked.spec


def test_what_the_tier_lacks_is_told() -> None:
    spec = BatchSpec.model_validate(changed("steps.0.tools", ["create_checkpoint", "update_task"]))

    checked = check(spec, circumstances(agents=["task_agent"]), ENGLISH)

    assert checked.warnings == ["Your plan does not include the assistant for checkpoints; those steps cannot run."]


@pytest.mark.parametrize(("zone", "is_told"), [("Asia/Calcutta", False), ("Asia/Kolkata", False), ("Asia/Tokyo", True)])
def test_two_names_of_one_zone_are_one(zone: str, is_told: bool) -> None:
    spec = BatchSpec.model_validate(changed("trigger.timezone", zone))

    checked = check(spec, circumstances(timezone="Asia/Kolkata"), ENGLISH)

    assert bool(checked.warnings) == is_told
