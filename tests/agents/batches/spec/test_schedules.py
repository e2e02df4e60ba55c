"""When a schedule is due: over clock changes, months of every length, and a day that a country skipped."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.batches.spec.rrules import WEEKDAYS, Rule, parse
from agents.batches.spec.schedules import next_runs, zone_of

ROME = "Europe/Rome"
NEW_YORK = "America/New_York"
KOLKATA = "Asia/Kolkata"
APIA = "Pacific/Apia"
LORD_HOWE = "Australia/Lord_Howe"
AN_HOUR = timedelta(hours=1)


def runs(rule: str, anchor: str, zone: str, after: str, count: int = 3) -> list[str]:
    """The next ones as local times with their offset."""
    local = datetime.fromisoformat(anchor)
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = next_runs(parse(rule, local), zone_of(zone), moment, count)
    assert all(each.tzinfo is UTC for each in found)
    return [each.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for each in found]


FIXED: dict[str, tuple[tuple[str, str, str, str], list[str]]] = {
    "the first is the anchor": (
        ("FREQ=DAILY", "2030-01-07T09:00", ROME, "2029-06-01T00:00"),
        ["2030-01-07T09:00+01:00", "2030-01-08T09:00+01:00", "2030-01-09T09:00+01:00"],
    ),
    "later than the moment itself": (
        ("FREQ=DAILY", "2030-01-07T09:00", ROME, "2030-01-07T08:00"),
        ["2030-01-08T09:00+01:00", "2030-01-09T09:00+01:00", "2030-01-10T09:00+01:00"],
    ),
    "Rome goes forward: the same time of day": (
        ("FREQ=DAILY", "2026-03-27T09:00", ROME, "2026-03-28T00:00"),
        ["2026-03-28T09:00+01:00", "2026-03-29T09:00+02:00", "2026-03-30T09:00+02:00"],
    ),
    "Rome goes forward: a time that there is not": (
        ("FREQ=DAILY", "2026-03-27T02:30", ROME, "2026-03-28T00:00"),
        ["2026-03-28T02:30+01:00", "2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Rome goes back: the first of two": (
        ("FREQ=DAILY", "2026-10-23T02:30", ROME, "2026-10-24T00:00"),
        ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    "two that a gap puts upon each other are one": (
        ("FREQ=DAILY;BYHOUR=2,3", "2026-03-28T02:30", ROME, "2026-03-28T12:00"),
        ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00", "2026-03-30T03:30+02:00"],
    ),
    "New York goes forward": (
        ("FREQ=WEEKLY;BYDAY=SU", "2026-03-01T02:30", NEW_YORK, "2026-03-02T00:00"),
        ["2026-03-08T03:30-04:00", "2026-03-15T02:30-04:00", "2026-03-22T02:30-04:00"],
    ),
    "New York goes back": (
        ("FREQ=DAILY", "2026-10-31T01:15", NEW_YORK, "2026-10-31T12:00"),
        ["2026-11-01T01:15-04:00", "2026-11-02T01:15-05:00", "2026-11-03T01:15-05:00"],
    ),
    "Kolkata never changes": (
        ("FREQ=MONTHLY;INTERVAL=6", "2026-01-15T00:00", KOLKATA, "2026-01-01T00:00"),
        ["2026-01-15T00:00+05:30", "2026-07-15T00:00+05:30", "2027-01-15T00:00+05:30"],
    ),
    "Apia had no 30th of December 2011: it moves by the day": (
        ("FREQ=WEEKLY;BYDAY=FR", "2011-12-23T09:00", APIA, "2011-12-24T00:00"),
        ["2011-12-31T09:00+14:00", "2012-01-06T09:00+14:00", "2012-01-13T09:00+14:00"],
    ),
    "Apia, every day: none is twice": (
        ("FREQ=DAILY", "2011-12-28T09:00", APIA, "2011-12-29T00:00"),
        ["2011-12-29T09:00-10:00", "2011-12-31T09:00+14:00", "2012-01-01T09:00+14:00"],
    ),
    "Apia, several times a day": (
        ("FREQ=DAILY;BYHOUR=0,9", "2011-12-28T09:00", APIA, "2011-12-29T18:30"),
        ["2011-12-29T09:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"],
    ),
    "Lord Howe goes forward by half an hour: runs stay an hour apart": (
        ("FREQ=DAILY;BYHOUR=1,2,3", "2026-10-03T01:15", LORD_HOWE, "2026-10-03T12:00"),
        ["2026-10-04T01:15+10:30", "2026-10-04T03:15+11:00", "2026-10-05T01:15+11:00"],
    ),
    "the 31st: months without one are left out": (
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31T09:00", ROME, "2026-01-31T12:00"),
        ["2026-03-31T09:00+02:00", "2026-05-31T09:00+02:00", "2026-07-31T09:00+02:00"],
    ),
    "the last day of the month": (
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T09:00", ROME, "2026-01-31T12:00"),
        ["2026-02-28T09:00+01:00", "2026-03-31T09:00+02:00", "2026-04-30T09:00+02:00"],
    ),
    "leap day": (
        ("FREQ=MONTHLY;INTERVAL=12", "2028-02-29T09:00", ROME, "2028-03-01T00:00"),
        ["2032-02-29T09:00+01:00", "2036-02-29T09:00+01:00", "2040-02-29T09:00+01:00"],
    ),
    "the last working day": (
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-30T17:00", ROME, "2026-01-31T00:00"),
        ["2026-02-27T17:00+01:00", "2026-03-31T17:00+02:00", "2026-04-30T17:00+02:00"],
    ),
    "the first Monday": (
        ("FREQ=MONTHLY;BYDAY=1MO", "2026-01-05T08:00", NEW_YORK, "2026-02-01T00:00"),
        ["2026-02-02T08:00-05:00", "2026-03-02T08:00-05:00", "2026-04-06T08:00-04:00"],
    ),
    "Friday the 13th": (
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-02-13T08:00", ROME, "2026-02-14T00:00"),
        ["2026-03-13T08:00+01:00", "2026-11-13T08:00+01:00", "2027-08-13T08:00+02:00"],
    ),
    "every other week counts from the anchor": (
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2026-01-09T08:00", ROME, "2026-01-09T08:00"),
        ["2026-01-19T08:00+01:00", "2026-01-23T08:00+01:00", "2026-02-02T08:00+01:00"],
    ),
    "every other week, the week beginning on Sunday": (
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,FR;WKST=SU", "2026-01-09T08:00", ROME, "2026-01-09T08:00"),
        ["2026-01-18T08:00+01:00", "2026-01-23T08:00+01:00", "2026-02-01T08:00+01:00"],
    ),
    "every third day, years later": (
        ("FREQ=DAILY;INTERVAL=3", "2000-01-01T08:00", KOLKATA, "2026-01-01T00:00"),
        ["2026-01-02T08:00+05:30", "2026-01-05T08:00+05:30", "2026-01-08T08:00+05:30"],
    ),
    "so many and no more": (
        ("FREQ=DAILY;COUNT=3", "2026-01-01T08:00", ROME, "2026-01-02T00:00"),
        ["2026-01-02T08:00+01:00", "2026-01-03T08:00+01:00"],
    ),
    "until a day, that day included": (
        ("FREQ=DAILY;UNTIL=20260103", "2026-01-01T23:00", ROME, "2026-01-02T00:00"),
        ["2026-01-02T23:00+01:00", "2026-01-03T23:00+01:00"],
    ),
    "until a moment": (
        ("FREQ=DAILY;UNTIL=20260103T215900Z", "2026-01-01T23:00", ROME, "2026-01-02T00:00"),
        ["2026-01-02T23:00+01:00"],
    ),
    "on the last evening of all": (("FREQ=DAILY", "2026-01-01T23:00", NEW_YORK, "9999-12-30T00:00"), []),
    "over": (("FREQ=DAILY;COUNT=1", "2026-01-01T08:00", ROME, "2026-01-02T00:00"), []),
}


@pytest.mark.parametrize(("arguments", "expected"), FIXED.values(), ids=FIXED)
def test_it_is_due(arguments: tuple[str, str, str, str], expected: list[str]) -> None:
    assert runs(*arguments) == expected


@pytest.mark.parametrize(
    "name", ["", "Atlantis", "+02:00", "UTC+2", "CEST", "localtime", "Europe", "../etc/passwd", "\0"]
)
def test_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="IANA"):
        zone_of(name)


@pytest.mark.parametrize("name", ["UTC", ROME, NEW_YORK, KOLKATA, APIA])
def test_a_zone(name: str) -> None:
    assert zone_of(name).key == name


SPARSE = [
    ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU", "2028-02-29T09:00"),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=TU", "2028-02-29T09:00"),
    ("FREQ=DAILY;INTERVAL=997;BYMONTH=2;BYMONTHDAY=29", "2028-02-29T09:00"),
    ("FREQ=MONTHLY;INTERVAL=1000;BYDAY=5SU", "2028-04-30T09:00"),
    ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), "1970-01-01T09:00"),
    ("FREQ=DAILY;COUNT=10000", "1970-01-01T09:00"),
]


@pytest.mark.parametrize(("rule", "anchor"), SPARSE)
def test_no_rule_takes_long(rule: str, anchor: str) -> None:
    started = time.process_time()
    runs(rule, anchor, ROME, "2029-01-01T00:00")

    assert time.process_time() - started < 2


# What dateutil does not know of: days and hours by counting.


def oracle(rule: Rule, zone: ZoneInfo, *, days: int) -> list[datetime]:
    """Every due moment of the first ``days`` days."""
    named = [moment for moment in _minutes(rule, days) if rule.names(moment) and _is_in_interval(rule, moment.date())]
    moments = [_moment(local, zone) for local in named[: rule.count]]
    regular = {moment for moment, has_moved in moments if not has_moved}
    moved = {moment for moment, has_moved in moments if has_moved}
    return sorted(regular | {each for each in moved if all(abs(each - other) >= AN_HOUR for other in regular)})


def _minutes(rule: Rule, days: int) -> Iterator[datetime]:
    midnight = rule.anchor.replace(hour=0, minute=rule.minute)
    for number in range(days * 24):
        moment = midnight + timedelta(hours=number)
        if moment >= rule.anchor:
            yield moment


def _is_in_interval(rule: Rule, day: date) -> bool:
    first = rule.anchor.date()
    if rule.frequency == "MONTHLY":
        passed = (day.year - first.year) * 12 + day.month - first.month
    elif rule.frequency == "WEEKLY":
        week = timedelta(days=(first.weekday() - rule.week_start) % 7)
        passed = (day - (first - week)).days // 7
    else:
        passed = (day - first).days
    return passed % rule.interval == 0


def _moment(local: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """The first moment at which a clock there shows ``local``; where none does, by the offset that held before."""
    for minutes in range(-15 * 60, 16 * 60, 30):
        moment = (local + timedelta(minutes=minutes)).replace(tzinfo=UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == local:
            return moment, False
    before = (local - timedelta(hours=24)).replace(tzinfo=zone).utcoffset()
    assert before is not None
    return (local - before).replace(tzinfo=UTC), True


ZONES = st.sampled_from([ROME, NEW_YORK, KOLKATA, APIA, "UTC", LORD_HOWE, "America/Santiago"])


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    anchor = datetime(draw(st.sampled_from([2010, 2011, 2024])), 1, 1) + timedelta(  # noqa: DTZ001 - local
        days=draw(st.integers(0, 365)), hours=draw(st.integers(0, 23)), minutes=draw(st.sampled_from([0, 0, 30, 59]))
    )
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    today = WEEKDAYS[anchor.weekday()]
    if draw(st.booleans()):
        others = draw(st.lists(st.sampled_from(WEEKDAYS), max_size=3))
        parts.append("BYDAY=" + ",".join([today, *others]))
    elif frequency == "MONTHLY" and draw(st.booleans()):
        parts.append("BYMONTHDAY=" + ",".join(map(str, [anchor.day, *draw(st.lists(st.integers(-3, -1), max_size=2))])))
    elif frequency == "MONTHLY" and draw(st.booleans()):
        parts.append(f"BYDAY={(anchor.day - 1) // 7 + 1}{today}")
    if draw(st.booleans()):
        parts.append("BYHOUR=" + ",".join(map(str, [anchor.hour, *draw(st.lists(st.integers(0, 23), max_size=3))])))
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 20))}")
    if frequency == "WEEKLY" and draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return parse(";".join(parts), anchor)


@pytest.mark.thorough
@settings(max_examples=50)
@given(rules(), ZONES, st.integers(-2, 300))
def test_it_is_due_when_counting_says_so(rule: Rule, zone: str, days: int) -> None:
    place = zone_of(zone)
    after = (rule.anchor + timedelta(days=days)).replace(tzinfo=UTC)
    expected = [moment for moment in oracle(rule, place, days=760) if moment > after][:3]
    found = next_runs(rule, place, after)

    assert found == expected
    assert all(later - earlier >= AN_HOUR for earlier, later in pairwise(found))


@settings(max_examples=60)
@given(rules(), ZONES, st.integers(-2, 300))
def test_each_follows_from_the_one_before(rule: Rule, zone: str, days: int) -> None:
    place = zone_of(zone)
    after = (rule.anchor + timedelta(days=days)).replace(tzinfo=UTC)
    together = next_runs(rule, place, after, 6)

    one_by_one = []
    for _ in together:
        (after,) = next_runs(rule, place, after, 1)
        one_by_one.append(after)
    assert one_by_one == together
