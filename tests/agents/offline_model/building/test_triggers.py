"""When the batches run that the offline model builds."""

import pytest

from tests.agents.offline_model.building.wishes import ROME, build, built

DEED = "prioritise my tasks"


@pytest.mark.parametrize(
    ("when", "rule", "anchor"),
    [
        ("every day at 8", "FREQ=DAILY", "2026-11-19T08:00:00"),
        ("daily at 6pm", "FREQ=DAILY", "2026-11-18T18:00:00"),
        ("every morning", "FREQ=DAILY", "2026-11-19T08:00:00"),
        ("every evening", "FREQ=DAILY", "2026-11-18T18:00:00"),
        ("every day at 8 in the evening", "FREQ=DAILY", "2026-11-18T20:00:00"),
        ("every 3 days at noon", "FREQ=DAILY;INTERVAL=3", "2026-11-18T12:00:00"),
        ("every weekday at 7:30am", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19T07:30:00"),
        ("every day except weekends", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19T09:00:00"),
        ("on weekends", "FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-21T09:00:00"),
        ("every Monday at 9", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T09:00:00"),
        ("Mondays and Thursdays at 9am and 5pm", "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9,17", "2026-11-19T09:00:00"),
        ("every Wednesday at 9", "FREQ=WEEKLY;BYDAY=WE", "2026-11-25T09:00:00"),
        ("every Wednesday at 11", "FREQ=WEEKLY;BYDAY=WE", "2026-11-18T11:00:00"),
        ("every two weeks on Friday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-11-20T09:00:00"),
        ("every other Monday", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-11-23T09:00:00"),
        ("every Friday starting next week at 17:00", "FREQ=WEEKLY;BYDAY=FR", "2026-11-27T17:00:00"),
        ("on the 1st of each month", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01T09:00:00"),
        ("on the 1st and 15th of every month", "FREQ=MONTHLY;BYMONTHDAY=1,15", "2026-12-01T09:00:00"),
        ("on the 31st of every month", "FREQ=MONTHLY;BYMONTHDAY=31", "2026-12-31T09:00:00"),
        ("on the last day of each month", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30T09:00:00"),
        (
            "on the last working day of the month",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "2026-11-30T09:00:00",
        ),
        ("on the first Monday of the month", "FREQ=MONTHLY;BYDAY=1MO", "2026-12-07T09:00:00"),
        ("every 3 months on the 15th", "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15", "2026-12-15T09:00:00"),
        ("every quarter on the first Monday", "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO", "2026-12-07T09:00:00"),
        ("every year on 1 March", "FREQ=MONTHLY;BYMONTH=3;BYMONTHDAY=1", "2027-03-01T09:00:00"),
        ("every February 29", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T09:00:00"),
        ("every 6 hours", "FREQ=DAILY;BYHOUR=0,6,12,18", "2026-11-18T12:00:00"),
        ("tomorrow at 9", "FREQ=DAILY;COUNT=1", "2026-11-19T09:00:00"),
    ],
)
@pytest.mark.parametrize("form", ["{when}, {deed}", "{deed} {when}"])
def test_schedules(when: str, rule: str, anchor: str, form: str) -> None:
    if form.endswith("{when}") and when == "tomorrow at 9":
        form = "{when} {deed}"
    trigger = built(form.format(when=when, deed=DEED))["trigger"]
    assert trigger == {"kind": "schedule", "rrule": rule, "anchor": anchor, "timezone": ROME, "catch_up": "latest"}


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("whenever a task changes, prioritise it", "tasks"),
        ("when a task is added or edited, set its priority to high", "tasks"),
        ("When I add a note, proofread it", "notes"),
        ("archive a project when I edit it", ""),
        ("each time I update a project, archive it", "projects"),
        ("when a checkpoint is approved, create a task “Celebrate”", "checkpoints"),
    ],
)
def test_changes_of_records(text: str, table: str) -> None:
    if table:
        assert built(text)["trigger"] == {"kind": "record_changed", "table": table}
    else:
        assert build(text)["questions"]


@pytest.mark.parametrize(
    "text", ["prioritise my tasks", "prioritise my tasks whenever I start it", "prioritise my tasks manually"]
)
def test_what_names_no_time_is_started_by_hand(text: str) -> None:
    assert built(text)["trigger"] == {"kind": "manual"}


def test_missed_runs_are_skipped_when_asked() -> None:
    assert built("every day at 8 prioritise my tasks and skip missed runs")["trigger"]["catch_up"] == "skip"


def test_a_time_that_nobody_named_is_told() -> None:
    assert build(f"every day {DEED}")["warnings"] == ["You named no time, so it runs at 09:00."]
    assert build(f"every day at 9 {DEED}")["warnings"] == []


@pytest.mark.parametrize(
    ("when", "question"),
    [
        ("every week", "On which day of the week shall it run?"),
        ("every month", "On which day of the month shall it run?"),
        ("every year", "On which day of the year shall it run?"),
        ("twice a day", "At what times shall it run?"),
        ("every 5 hours", "At what times shall it run?"),
    ],
)
def test_a_day_or_time_that_is_missing_is_asked_for(when: str, question: str) -> None:
    answer = build(f"{when} {DEED}")
    assert answer["questions"] == [question]
    assert answer["spec"]["trigger"]["kind"] == "schedule"


def test_that_a_task_falls_due_is_no_change_of_it() -> None:
    answer = build("when a task becomes overdue, set its priority to high")
    assert "every day" in answer["questions"][0]
    assert answer["spec"]["selection"]["where"][0] == {"field": "due_date", "op": "older_than_days", "value": 0}


def test_more_often_than_hourly_is_no_batch() -> None:
    answer = build("every 5 minutes prioritise my tasks")
    assert (answer["buildable"], answer["spec"]) == (False, None)
    assert answer["reason"] == "A batch runs at most once an hour."
