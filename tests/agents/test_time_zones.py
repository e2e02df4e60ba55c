"""Names of time zones: offsets and abbreviations beside IANA's own names."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.time_zones import ABBREVIATIONS, zone_named

SOME_DAY = datetime(2026, 7, 1, 12, tzinfo=UTC)


def minutes_of(name: str) -> float | None:
    zone = zone_named(name)
    assert zone is not None
    offset = SOME_DAY.astimezone(zone).utcoffset()
    return None if offset is None else offset / timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("Europe/Berlin", 120),
        ("UTC", 0),
        ("GMT", 0),
        ("Z", 0),
        ("z", 0),
        ("UTC+2", 120),
        ("utc+2", 120),
        ("UTC +2", 120),
        ("GMT-03:30", -210),
        ("GMT+2", 120),
        ("Etc/GMT+2", -120),
        ("+02:00", 120),
        ("-0800", -480),
        ("\u22128", -480),
        ("+5:45", 345),
        ("+14", 840),
        ("-00:00", 0),
        ("CEST", 120),
        ("PDT", -420),
        ("CET", 120),
    ],
)
def test_a_zone_is_understood(name: str, minutes: int) -> None:
    assert minutes_of(name) == minutes


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "2", "UTC+", "UTC+25", "+14:01", "+02:60", "+2:5", "+123", "UTC+2h", "UTC++2", "UTC+2\n", "+٢"),
        *("CST", "IST", "BST", "PST", "Mars", "Europe", "../UTC", "/etc/localtime", "a\x00b", "x" * 5000),
    ],
)
def test_what_is_no_zone_is_not_guessed(name: str) -> None:
    assert zone_named(name) is None


@given(st.text())
def test_no_text_is_too_odd(name: str) -> None:
    zone = zone_named(name)
    assert zone is None or abs(SOME_DAY.astimezone(zone).utcoffset() or timedelta()) <= timedelta(hours=14)


def test_every_abbreviation_means_the_same_wherever_it_is_used() -> None:
    meanings: dict[str, set[float]] = defaultdict(set)
    for key in available_timezones():
        for month in range(1, 13):
            moment = datetime(2026, month, 1, tzinfo=ZoneInfo(key))
            meanings[moment.tzname() or ""].add((moment.utcoffset() or timedelta()) / timedelta(minutes=1))

    assert {name: meanings[name] for name in ABBREVIATIONS} == {name: {value} for name, value in ABBREVIATIONS.items()}
