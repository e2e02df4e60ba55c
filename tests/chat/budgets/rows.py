"""What the tables of budgets hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from django.db import connections
from django.db.models import Sum

from accounts.models import User
from chat.models import MonthlyBudget, TokenReservation

T = TypeVar("T")


class Budget(NamedTuple):
    spent: int
    reserved: int


def budget_of(user: User) -> Budget:
    """This month's; checks that what is reserved is what the open reservations hold."""
    row = MonthlyBudget.objects.get(user=user, month=datetime.now(UTC).date().replace(day=1))
    held = row.reservations.aggregate(held=Sum("tokens"))["held"] or 0
    assert row.reserved == held
    return Budget(row.spent, row.reserved)


def let_lapse(user: User) -> int:
    """As if so much time had gone by: how many reservations it was."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    return TokenReservation.objects.filter(budget__user=user).update(expires_at=past)


def in_thread(work: Callable[[], T]) -> T:
    """For what is asked while a provider answers: an event loop may not wait for a database."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
