"""The admin's first page: what it counts, for whom, and that every number leads to the list of what it counts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from adiuva.dashboard.figures import DAYS, MONTHS, days_until, months_until
from billing.models import OperatorAlert
from chat.models import DailyUsage
from tests.adiuva.dashboard.dashboard_page import (
    card,
    figures,
    items,
    numbers,
    page_of,
    shown_ids,
    staff_client,
    the_list,
)
from tests.support.accounts import Account
from tests.support.months import Months

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
TILES = ["pending-reviews", "operator-alerts", "past-due", "payouts-failing", "payouts-waiting"]
CARDS = ["users-by-tier", "new-users", "organizations", "turns", "tokens", "storage-by-tier", "revenue"]
MOST_QUERIES = 14


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser(email="root@example.com")


@pytest.fixture
def staff() -> Callable[..., User]:
    def member(*permissions: str) -> User:
        user = User.objects.create_user(email=f"{'-'.join(permissions) or 'staff'}@example.com", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return user

    return member


def test_an_empty_service_has_a_page_too(root: User) -> None:
    answer = page_of(staff_client(root))
    assert answer.status_code == 200
    assert shown_ids(answer.content.decode()) == [*TILES, *CARDS]
    for words in ("the queue is empty", "nobody owes", "all resolved", "Nobody has asked anything in 30 days."):
        assert words in answer.content.decode()


def test_every_number_leads_to_a_list_of_exactly_as_many(root: User) -> None:
    Months(users=30).build()
    page = page_of(staff_client(root)).content.decode()
    assert shown_ids(page) == [*TILES, *CARDS]
    linked = set(numbers(page))
    assert len(linked) > 100
    assert len([rows for _, rows in linked if rows]) > 50
    for href, rows in linked:
        assert the_list(href, root).result_count == rows, href


def test_what_is_measured_is_the_sum_over_its_list(root: User) -> None:
    Months(users=30).build()
    columns = {
        "turns": ("turns",),
        "tokens": ("input_tokens", "output_tokens"),
        "revenue": ("amount_cents",) * 5,
    }
    for slug, names in columns.items():
        found = card(items(root), slug)
        measured = [row.figures[: len(names)] for row in found.rows]
        assert any(figure.value for row in measured for figure in row)
        for row in measured:
            for figure, name in zip(row, names, strict=True):
                rows = the_list(figure.href, root).queryset.values_list(name, flat=True)
                assert figure.value == abs(sum(rows)), (slug, figure)
    stored = card(items(root), "storage-by-tier")
    for tier in stored.rows:
        assert tier.total is not None
        held = the_list(tier.total.href, root).queryset.values_list("storage_bytes", "vector_bytes", "backup_bytes")
        parts = [sum(one[0] - one[1] for one in held), sum(one[1] for one in held), sum(one[2] for one in held)]
        assert [figure.value for figure in tier.figures] == parts
        assert tier.total.value == sum(parts)


@pytest.mark.parametrize(
    "slug", ["users-by-tier", "past-due", "turns", "storage-by-tier", "revenue", "payouts-failing"]
)
def test_the_lists_open_in_the_admin(root: User, slug: str) -> None:
    Months(users=12).build()
    client = staff_client(root)
    busiest = max(figures(items(root)[slug]), key=lambda figure: figure.rows)
    answer: Any = client.get(busiest.href)
    assert answer.status_code == 200
    assert answer.context_data["cl"].result_count == busiest.rows


def test_a_number_of_users_is_by_the_live_tier(root: User, make_user: MakeUser) -> None:
    pro, late = make_user(tier="pro").user, make_user(tier="team").user
    User.objects.filter(pk=pro.pk).update(tier="free")  # the display copy does not count
    late.subscription.status, late.subscription.past_due_since = "past_due", datetime.now(UTC) - timedelta(days=30)
    late.subscription.tier_after_grace = "free"
    late.subscription.save()
    by_tier = {row.label: row.figures[0].value for row in card(items(root), "users-by-tier").rows}
    assert by_tier == {"Free": 2, "Pro": 1, "Power": 0, "Team": 0}  # root has none either
    assert list(the_list("/admin/accounts/user/?live_tier=pro", root).queryset) == [pro]
    page = staff_client(root).get("/admin/accounts/user/?q=" + pro.email).content.decode()
    assert "Pro" in page.split("<tbody")[1]


def test_days_without_anything_are_zero_and_none_is_left_out(root: User, make_user: MakeUser) -> None:
    today = datetime.now(UTC).date()
    user = make_user().user
    DailyUsage.objects.create(user=user, day=today - timedelta(days=3), turns=5, input_tokens=10, output_tokens=2)
    DailyUsage.objects.create(user=user, day=today - timedelta(days=DAYS), turns=99)
    rows = card(items(root), "turns").rows
    assert [row.figures[0].value for row in rows] == [0] * (DAYS - 4) + [5] + [0] * 3
    assert rows[-1].label == f"{today:%-d %b %Y}"
    assert len(card(items(root), "revenue").rows) == MONTHS


def test_months_are_whole_and_cross_the_year() -> None:
    months = months_until(datetime(2026, 2, 28, 23, 59, tzinfo=UTC))
    assert (months[0], months[-2], months[-1]) == (date(2025, 3, 1), date(2026, 1, 1), date(2026, 2, 1))
    assert len(months) == MONTHS
    days = days_until(datetime(2026, 3, 1, tzinfo=UTC))
    assert (days[0], days[-2], days[-1]) == (date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 1))


def test_days_are_those_of_utc(root: User, make_user: MakeUser) -> None:
    user, midnight = make_user().user, datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for moment, expected in ((midnight, midnight), (midnight - timedelta(seconds=1), midnight - timedelta(days=1))):
        User.objects.filter(pk=user.pk).update(created_at=moment)
        row = next(one for one in card(items(root), "new-users").rows if one.label == f"{expected:%-d %b %Y}")
        assert user in the_list(row.figures[0].href, root).queryset


def test_reviewers_see_what_waits_for_them_and_nothing_else(staff: Callable[..., User]) -> None:
    Months(users=6).build()
    reviewer = staff("review_plugins", "take_down_plugins")
    with CaptureQueriesContext(connection) as queries:
        assert list(items(reviewer)) == ["pending-reviews"]
    assert not [one for one in queries if "revenue" in one["sql"] or "chat_usage" in one["sql"]]
    client = staff_client(reviewer)
    page = page_of(client).content.decode()
    assert shown_ids(page) == ["pending-reviews"]
    ((href, rows),) = numbers(page)
    answer: Any = client.get(href)
    assert answer.context_data["cl"].result_count == rows > 0


@pytest.mark.parametrize(
    ("permissions", "seen"),
    [
        ((), []),
        (("view_user",), ["users-by-tier", "new-users"]),
        (("view_organization",), []),
        (("view_organization", "view_membership"), ["organizations"]),
        (("view_dailyusage",), ["turns", "tokens"]),
        (("view_subscription", "view_operatoralert"), ["operator-alerts", "past-due"]),
        (("view_ledgerentry",), []),
        (("view_ledgerentry", "view_subscriptionpayment"), ["revenue"]),
        (("view_transfer", "view_storageusage"), ["payouts-failing", "payouts-waiting", "storage-by-tier"]),
    ],
)
def test_staff_see_what_they_may_list(
    staff: Callable[..., User], permissions: tuple[str, ...], seen: list[str]
) -> None:
    Months(users=6).build()
    member = staff(*permissions)
    client = staff_client(member)
    page = page_of(client).content.decode()
    assert shown_ids(page) == seen
    for href in {href.partition("?")[0] for href, _ in numbers(page)}:
        assert client.get(href).status_code == 200, href


def test_the_page_asks_the_database_few_questions_however_much_there_is(root: User) -> None:
    with CaptureQueriesContext(connection) as of_none:
        items(root)
    Months(users=30).build()
    with CaptureQueriesContext(connection) as of_many:
        items(root)
    assert len(of_none) == len(of_many) <= MOST_QUERIES, [one["sql"] for one in of_many]


def test_what_cannot_wait_is_marked(root: User) -> None:
    assert not items(root)["operator-alerts"].alarm  # type: ignore[union-attr]
    OperatorAlert.objects.create(kind="unknown_price", reference="price_1", message="A price for no tier.")
    assert items(root)["operator-alerts"].alarm  # type: ignore[union-attr]
    assert 'class="dash-tile dash-alarm" id="operator-alerts"' in page_of(staff_client(root)).content.decode()
