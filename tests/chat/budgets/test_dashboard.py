"""Budgets on the admin's first page, in its list, and in an account's export."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from chat.budgets import ledger
from chat.export import collect_usage
from chat.models import DailyUsage, MonthlyBudget
from tests.adiuva.dashboard.dashboard_page import card, items, page_of, shown_ids, staff_client, the_list
from tests.chat.budgets.conftest import Limit
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
LIST = "/admin/chat/monthlybudget/"


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser(email="root@example.com")


@pytest.fixture
def spenders(make_user: MakeUser, limit: Limit) -> dict[str, User]:
    """Free has 1,000 tokens, power has none at all, pro has no limit."""
    limit(free=1_000, power=0)
    used = {"little": (799, 0), "much": (700, 100), "all": (0, 1_000), "more": (2_000, 0)}
    users = {name: make_user().user for name in used} | {"pro": make_user(tier="pro").user}
    users["power"] = make_user(tier="power").user
    for name, (spent, reserved) in {**used, "pro": (10**9, 0), "power": (0, 0)}.items():
        MonthlyBudget.objects.create(user=users[name], month=ledger.this_month(), spent=spent, reserved=reserved)
    last = (ledger.this_month() - timedelta(days=1)).replace(day=1)
    MonthlyBudget.objects.create(user=users["little"], month=last, spent=1_000)
    return users


def test_users_are_counted_by_tier_and_by_how_much_is_used(root: User, spenders: dict[str, User]) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = card(items(root), "budgets")
    assert len([one for one in queries if "chat_budgets" in one["sql"]]) == 1
    rows = {row.label: [figure.value for figure in row.figures] for row in found.rows}
    assert rows == {"Free": [1, 1, 2], "Power": [0, 0, 1]}
    assert [figure.value for figure, _ in found.heads] == [3, 1]


def test_every_number_leads_to_the_users_it_counts(root: User, spenders: dict[str, User]) -> None:
    found = card(items(root), "budgets")
    figures = [figure for row in found.rows for figure in (*row.figures, row.total)] + [one for one, _ in found.heads]
    assert len(figures) == 10
    for figure in figures:
        assert figure is not None
        assert the_list(figure.href, root).result_count == figure.rows == figure.value, figure
    listed = the_list(found.rows[0].figures[2].href, root).queryset
    assert {budget.user for budget in listed} == {spenders["all"], spenders["more"]}


def test_where_nobody_has_a_limit_there_is_no_card(root: User) -> None:
    assert "budgets" not in shown_ids(page_of(staff_client(root)).content.decode())


def test_the_page_draws_it_also_before_anybody_has_asked(root: User, limit: Limit) -> None:
    limit(free=1_000)
    page = page_of(staff_client(root)).content.decode()
    assert "budgets" in shown_ids(page)
    assert "No model was asked in" in page


def test_the_list_says_how_much_of_what(root: User, spenders: dict[str, User]) -> None:
    client = staff_client(root)
    page: Any = client.get(LIST)
    rows = page.content.decode().partition("<tbody")[2]
    assert ">1,000<" in "".join(rows.split())
    assert ">1000<" not in "".join(rows.split())
    assert "unlimited" in rows
    filtered: Any = client.get(f"{LIST}?fullness=nonsense")
    assert filtered.context_data["cl"].result_count == 7


def test_an_export_has_what_was_spent(spenders: dict[str, User]) -> None:
    user = spenders["little"]
    DailyUsage.objects.create(
        user=user, day=ledger.this_month(), turns=2, input_tokens=900, output_tokens=99, own_key_tokens=200
    )

    told = collect_usage(user.id)

    assert [month["spent"] for month in told["budgets"]] == [1_000, 799]
    assert told["days"] == [
        {"day": ledger.this_month(), "turns": 2, "input_tokens": 900, "output_tokens": 99, "own_key_tokens": 200}
    ]
