"""The rows of budgets: what is spent and reserved of a month, by statements that hold beside any number of others.

Locks are taken in the order day, reservation, month, so that no two wait for each other. What every turn says is
written out: the ORM takes 0.3–0.5 ms to make one such statement anew.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Model, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from chat.models import DailyUsage, MonthlyBudget, TokenReservation

# A limit is set at a start of the server only, and turns that none held are counted by day alone. The rest (a server
# of before that still runs beside this one) is made good within the hour.
_STARTED = timezone.now()
_COMPARED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A turn's, whether its row is there or not: without a ``month`` it has had none yet."""

    id: UUID
    user_id: UUID
    month: date | None = None
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no room. ``used``: what is spent, and what running turns hold. ``may_come_back``: it is that which is in
    the way, so that there may be room when they have ended.
    """

    used: int
    may_come_back: bool = False


def this_month() -> date:
    return datetime.now(UTC).date().replace(day=1)


def after(month: date) -> date:
    """The first day of the month after it."""
    return (month + timedelta(days=31)).replace(day=1)


def reserve(reservation: Reservation, *, limit: int, most: int, least: int, until: datetime) -> Reservation | Refused:
    """Reserves ``most`` tokens more, or what there is if that is ``least``: the reservation as it is then.

    Where it has lapsed meanwhile, what it held is reserved again. Raises ``IntegrityError`` when the account is gone.
    """
    with transaction.atomic():
        month = reservation.month or this_month()
        held = reservation.tokens
        exists = reservation.month is not None and _prolong(reservation.id, until)
        if not exists:
            most, least = most + held, least + held
        if _take(reservation.user_id, month, most, limit):
            taken = most
        else:
            own = held if exists else 0
            left = _take_what_is_left(reservation.user_id, month, most, least, limit, own=own)
            if isinstance(left, Refused):
                return left
            taken = left
        if exists:
            _execute("UPDATE chat_reservations SET tokens = tokens + %s WHERE id = %s", taken, _uuid(reservation.id))
        else:
            _insert(reservation, month, taken, until)
        return Reservation(
            id=reservation.id, user_id=reservation.user_id, month=month, tokens=held + taken if exists else taken
        )


def settle(reservation: Reservation, *, spent: int) -> None:
    """To be called in the transaction that counts what was ``spent``. Also for a reservation that has lapsed, or that
    never was one: then there is nothing to free.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM chat_reservations WHERE id = %s RETURNING budget_id, tokens", [_uuid(reservation.id)]
        )
        freed = cursor.fetchall()
    for budget_id, tokens in freed:
        _execute(
            "UPDATE chat_budgets SET spent = spent + %s, reserved = reserved - %s, updated_at = %s WHERE id = %s",
            spent,
            tokens,
            _time(timezone.now()),
            budget_id,
        )
    if not freed and spent:
        spend(reservation.user_id, reservation.month or this_month(), spent)


def spend(user_id: UUID, month: date, tokens: int) -> None:
    """Of what was not reserved. Without a row there is nothing to do: it will begin with what the days have counted."""
    _execute(
        "UPDATE chat_budgets SET spent = spent + %s, updated_at = %s WHERE user_id = %s AND month = %s",
        tokens,
        _time(timezone.now()),
        _uuid(user_id),
        _day(month),
    )


def used_tokens(user_id: UUID, *, counted: int) -> int:
    """What is spent of this month, and what running turns hold. ``counted``: what its days say.

    Frees what has lapsed.
    """
    is_running = Q(reservations__expires_at__gte=timezone.now())
    found = (
        MonthlyBudget.objects.for_user(user_id)
        .filter(month=this_month())
        .order_by()
        .values_list(
            "spent",
            Coalesce(Sum("reservations__tokens", filter=is_running), 0),
            Coalesce(Sum("reservations__tokens", filter=~is_running), 0),
        )
        .first()
    )
    if found is None:
        return counted
    spent, running, lapsed = found
    if lapsed:
        free_lapsed(user_id)
    used: int = max(spent, counted) + running
    return used


def free_lapsed(user_id: UUID) -> int:
    """How many of the user's reservations there were whose process is taken for dead.

    One that is being settled at this moment is left to that.
    """
    with transaction.atomic():
        lapsed = list(
            TokenReservation.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("budget")
            .filter(budget__user_id=user_id, expires_at__lt=timezone.now())
        )
        if not lapsed:
            return 0
        TokenReservation.objects.filter(id__in=[one.id for one in lapsed]).delete()
        # The earlier month first, as everybody locks them who locks two.
        for month in sorted({one.budget.month for one in lapsed}):
            tokens = sum(one.tokens for one in lapsed if one.budget.month == month)
            MonthlyBudget.objects.for_user(user_id).filter(month=month).update(
                reserved=F("reserved") - tokens, updated_at=timezone.now()
            )
        return len(lapsed)


def users_with_lapsed() -> list[UUID]:
    lapsed = TokenReservation.objects.filter(expires_at__lt=timezone.now())
    return list(lapsed.order_by().values_list("budget__user_id", flat=True).distinct())


def _prolong(reservation_id: UUID, until: datetime) -> bool:
    """False where it is gone. It is locked from here on: nobody finds it lapsed."""
    at = _time(until)
    return bool(
        _execute(
            "UPDATE chat_reservations SET expires_at = CASE WHEN expires_at < %s THEN %s ELSE expires_at END "
            "WHERE id = %s",
            at,
            at,
            _uuid(reservation_id),
        )
    )


def _take(user_id: UUID, month: date, tokens: int, limit: int) -> bool:
    """Also False where the month has no row yet, or one that may not know of all that was spent."""
    return bool(
        _execute(
            "UPDATE chat_budgets SET reserved = reserved + %s, updated_at = %s "
            "WHERE user_id = %s AND month = %s AND compared_at >= %s AND spent + reserved + %s <= %s",
            tokens,
            _time(timezone.now()),
            _uuid(user_id),
            _day(month),
            _time(_compared_since()),
            tokens,
            limit,
        )
    )


def _take_what_is_left(user_id: UUID, month: date, most: int, least: int, limit: int, *, own: int) -> int | Refused:
    free_lapsed(user_id)
    budget = _lock(user_id, month)
    if budget is None:
        MonthlyBudget.objects.bulk_create([MonthlyBudget(user_id=user_id, month=month)], ignore_conflicts=True)
        budget = _lock(user_id, month)
        assert budget is not None  # noqa: S101 - it was there or is now
    is_compared = budget.compared_at is not None and budget.compared_at >= _compared_since()
    if not is_compared:
        budget.spent = max(budget.spent, _counted_by_day(user_id, month))
        budget.compared_at = timezone.now()
    used = budget.spent + budget.reserved
    left = max(0, min(most, limit - used))
    has_room = left >= least
    if has_room:
        budget.reserved += left
    if has_room or not is_compared:
        budget.save(update_fields=["spent", "reserved", "compared_at", "updated_at"])
    return left if has_room else Refused(used, may_come_back=budget.spent + own + least <= limit)


def _lock(user_id: UUID, month: date) -> MonthlyBudget | None:
    return MonthlyBudget.objects.select_for_update(no_key=True).filter(user_id=user_id, month=month).order_by().first()


def _compared_since() -> datetime:
    return max(_STARTED, timezone.now() - _COMPARED_EVERY)


def _counted_by_day(user_id: UUID, month: date) -> int:
    days = DailyUsage.objects.filter(user_id=user_id, day__gte=month, day__lt=after(month))
    tokens = F("input_tokens") + F("output_tokens") - F("own_key_tokens")
    counted: int = days.aggregate(counted=Coalesce(Sum(tokens), 0))["counted"]
    return counted


def _insert(reservation: Reservation, month: date, tokens: int, until: datetime) -> None:
    _execute(
        "INSERT INTO chat_reservations (id, budget_id, tokens, expires_at, created_at) "
        "SELECT %s, id, %s, %s, %s FROM chat_budgets WHERE user_id = %s AND month = %s",
        _uuid(reservation.id),
        tokens,
        _time(until),
        _time(timezone.now()),
        _uuid(reservation.user_id),
        _day(month),
    )


def _execute(sql: str, *values: Any) -> int:
    """How many rows it was."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        changed: int = cursor.rowcount
        return changed


def _prepared(model: type[Model], column: str, value: Any) -> Any:
    """As the database at hand takes it: SQLite has neither UUIDs nor times."""
    return model._meta.get_field(column).get_db_prep_value(value, connection)  # type: ignore[union-attr]


def _uuid(value: UUID) -> Any:
    return _prepared(MonthlyBudget, "id", value)


def _day(value: date) -> Any:
    return _prepared(MonthlyBudget, "month", value)


def _time(value: datetime) -> Any:
    return _prepared(MonthlyBudget, "updated_at", value)
