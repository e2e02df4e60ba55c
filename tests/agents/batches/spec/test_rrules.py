"""Recurrence rules: what is taken of RFC 5545, and what is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.batches.spec import rrules
from agents.batches.spec.rrules import parse, parse_anchor, read

MONDAY = datetime(2030, 1, 7, 9, 30)  # noqa: DTZ001 - local

TAKEN = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=DAILY;BYHOUR=9,17",
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=7,-1",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=5",
    "FREQ=MONTHLY;BYMONTH=1,7",
    "FREQ=DAILY;COUNT=10",
    "FREQ=DAILY;UNTIL=20300107",
    "FREQ=DAILY;UNTIL=20300107T093000",
    "FREQ=DAILY;UNTIL=20310107T083000Z",
    "BYDAY=MO;FREQ=WEEKLY",
    "FREQ=DAILY;BYHOUR=9;BYMINUTE=30",
]


@pytest.mark.parametrize("text", TAKEN)
def test_it_takes(text: str) -> None:
    assert parse(text, MONDAY).anchor == MONDAY


REFUSED = {
    "": "must be parts",
    "FREQ": "must be parts",
    "RRULE:FREQ=DAILY": "FREQ must be",
    "FREQ=DAILY;": "must be parts",
    "FREQ=HOURLY": "FREQ must be",
    "FREQ=YEARLY": "FREQ must be",
    "INTERVAL=2": "FREQ must be",
    "freq=daily": "FREQ must be",
    "FREQ=DAILY;FREQ=WEEKLY": "twice",
    "FREQ=DAILY;INTERVAL=0": "INTERVAL",
    "FREQ=DAILY;INTERVAL=1001": "INTERVAL",
    "FREQ=DAILY;INTERVAL=1,2": "takes one value",
    "FREQ=DAILY;INTERVAL=two": "INTERVAL",
    "FREQ=DAILY;INTERVAL=99999999999999999999": "INTERVAL",
    "FREQ=DAILY;COUNT=0": "COUNT",
    "FREQ=DAILY;COUNT=2;UNTIL=20310101": "exclude",
    "FREQ=DAILY;UNTIL=2031": "UNTIL",
    "FREQ=DAILY;UNTIL=20310230": "UNTIL",
    "FREQ=DAILY;UNTIL=20300106": "before the anchor",
    "FREQ=DAILY;BYMINUTE=0,30": "an hour apart",
    "FREQ=DAILY;BYMINUTE=60": "BYMINUTE",
    "FREQ=DAILY;BYHOUR=24": "BYHOUR",
    "FREQ=DAILY;BYSECOND=1": "BYSECOND is not possible",
    "FREQ=DAILY;BYDAY=1MO": "with FREQ=MONTHLY only",
    "FREQ=WEEKLY;BYDAY=-1MO": "with FREQ=MONTHLY only",
    "FREQ=WEEKLY;BYDAY=MONDAY": "BYDAY",
    "FREQ=WEEKLY;BYMONTHDAY=7": "BYMONTHDAY",
    "FREQ=MONTHLY;BYMONTHDAY=0": "BYMONTHDAY",
    "FREQ=MONTHLY;BYMONTHDAY=32": "BYMONTHDAY",
    "FREQ=MONTHLY;BYDAY=6MO": "BYDAY",
    "FREQ=MONTHLY;BYSETPOS=1": "BYSETPOS needs",
    "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1": "BYSETPOS needs",
    "FREQ=WEEKLY;BYDAY=TU": "the anchor must be",
    "FREQ=DAILY;BYHOUR=8": "the anchor must be",
    "FREQ=DAILY;BYMINUTE=0": "the anchor must be",
    "FREQ=MONTHLY;BYDAY=2MO": "the anchor must be",
    "FREQ=MONTHLY;BYMONTH=2": "the anchor must be",
    "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2": "the anchor must be",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1": "the anchor must be",
    "FREQ=DAILY;X=" + "1" * 300: "characters",
}


@pytest.mark.parametrize(("text", "problem"), REFUSED.items())
def test_it_refuses(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text, MONDAY)


def test_what_a_rule_leaves_open_comes_from_the_anchor() -> None:
    weekly, monthly = read("FREQ=WEEKLY", MONDAY), read("FREQ=MONTHLY", MONDAY)

    assert (weekly.by_day, weekly.hours, weekly.minute) == (((0, 0),), (9,), 30)
    assert monthly.by_month_day == (7,)


def test_until_is_local_or_a_moment() -> None:
    assert read("FREQ=DAILY;UNTIL=20300201", MONDAY).until == datetime.fromisoformat("2030-02-01T23:59:59")
    assert read("FREQ=DAILY;UNTIL=20300201T090000Z", MONDAY).until == datetime(2030, 2, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2030-01-07", "2030-01-07T09:30:15", "2030-01-07T09:30:00Z", "2030-01-07 09:30", "1969-12-31T09:30", "x"]
)
def test_an_anchor_is_a_local_minute(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_anchor(text)


@given(st.text(alphabet="FREQDAILYWKMONTH=;,0123456789BYUCTVSP+-", max_size=80))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = parse(text, MONDAY)
    except ValueError:
        return
    assert rule.names(MONDAY)
    assert 1 <= rule.interval <= rrules.MAX_INTERVAL
