"""Which snapshots a policy keeps, held against the rules in other words."""

import uuid
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backups.models import BackupPolicy
from backups.retention import Arrival, select_dropped

NOW = datetime(2026, 11, 22, 18, 20, 5, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

counts = st.none() | st.integers(0, 6)
policies = st.builds(BackupPolicy, keep_last=counts, keep_daily=counts, keep_weekly=counts)
# Two months, with many in a day and days without any; one a minute at most.
moments = st.sets(st.integers(1, 60 * 24 * 60), max_size=40).map(
    lambda minutes: [NOW - minute * MINUTE for minute in sorted(minutes)]
)


def arrival(at: datetime, *, immutable_until: datetime | None = None) -> Arrival:
    return Arrival(uuid.uuid4(), at, immutable_until, 1, "")


def keeps(policy: BackupPolicy, all_moments: list[datetime], one: datetime) -> bool:
    """As docs/api.md § 8 says it, for one snapshot of all that there are."""

    def monday(moment: datetime) -> date:
        return moment.date() - timedelta(days=moment.weekday())

    later = [moment for moment in all_moments if moment > one]
    later_days, later_weeks = {moment.date() for moment in later}, {monday(moment) for moment in later}
    rules = (policy.keep_last, policy.keep_daily, policy.keep_weekly)
    return (
        rules == (None, None, None)
        or not later
        or len(later) < (policy.keep_last or 0)
        or (one.date() not in later_days and len(later_days) < (policy.keep_daily or 0))
        or (monday(one) not in later_weeks and len(later_weeks) < (policy.keep_weekly or 0))
    )


@given(policy=policies, earlier=moments, locks=st.lists(st.integers(-3, 3), min_size=40, max_size=40))
def test_what_no_rule_keeps_goes_unless_it_is_immutable(
    policy: BackupPolicy, earlier: list[datetime], locks: list[int]
) -> None:
    arrivals = [
        arrival(at, immutable_until=None if lock == -3 else NOW + lock * DAY)
        for at, lock in zip(earlier, locks, strict=False)
    ]
    dropped = select_dropped(NOW, arrivals, policy=policy, now=NOW)
    assert dropped == [
        one
        for one in arrivals
        if not keeps(policy, [NOW, *earlier], one.created_at)
        and (one.immutable_until is None or one.immutable_until <= NOW)
    ]


@given(policy=policies, earlier=moments)
def test_dropping_after_each_upload_keeps_what_dropping_once_would(
    policy: BackupPolicy, earlier: list[datetime]
) -> None:
    """No rule misses later what another upload has dropped before."""
    there: list[Arrival] = []
    for at in reversed(earlier):
        dropped = select_dropped(at, there, policy=policy, now=at)
        there = [arrival(at), *(one for one in there if one not in dropped)]
    expected = [at for at in earlier if keeps(policy, earlier, at)]
    assert [one.created_at for one in there] == expected


def test_an_upload_an_hour_for_a_year_leaves_what_the_three_rules_name() -> None:
    policy = BackupPolicy(keep_last=3, keep_daily=7, keep_weekly=4)
    hours = [NOW - n * timedelta(hours=1) for n in range(1, 365 * 24)]
    dropped = {one.created_at for one in select_dropped(NOW, [arrival(at) for at in hours], policy=policy, now=NOW)}
    kept = [at for at in hours if at not in dropped]
    assert kept[:2] == hours[:2]
    assert [f"{at:%a %d %H}" for at in kept[2:]] == [
        # Today's newest is the one that arrives, and so is this week's.
        "Sat 21 23", "Fri 20 23", "Thu 19 23", "Wed 18 23", "Tue 17 23", "Mon 16 23",
        "Sun 15 23", "Sun 08 23", "Sun 01 23",
    ]  # fmt: skip


def test_a_week_goes_on_over_the_new_year() -> None:
    """Friday, 1 January 2027, is in the 53rd week of 2026, which begins on Monday, 28 December."""
    policy = BackupPolicy(keep_weekly=2)
    monday, before = (arrival(datetime(2026, 12, day, tzinfo=UTC)) for day in (28, 27))
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert select_dropped(new_year, [monday, before], policy=policy, now=new_year) == [monday]
