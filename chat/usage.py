"""Counts turns and tokens per user and UTC day, and settles budgets: numbers only, nothing of what was written."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import User
from adiuva.background import spawn
from agents.llm.meter import Meter
from agents.llm.own_keys import OwnProvider
from chat import budgets
from chat.models import DailyUsage

logger = logging.getLogger(__name__)

# A slower database does not delay the end of an answer.
_MAX_WAIT_SECONDS = 1.0
_COLUMNS = ("turns", "input_tokens", "output_tokens")


@contextmanager
def count_turn(user: User, provider: OwnProvider | None = None) -> Iterator[Meter]:
    """The meter for the turn in the block, which is recorded however it ends. Sync: for views."""
    meter = budgets.open_meter(user, provider)
    try:
        yield meter
    finally:
        record_usage(user.id, meter)


async def record_usage_in_thread(user_id: UUID, meter: Meter) -> None:
    """``record_usage`` in a thread. It completes even when its caller is cancelled."""
    if not meter.calls and meter.allowance is None:
        return
    counting = database_sync_to_async(record_usage, thread_sensitive=False)
    await asyncio.wait([spawn(counting(user_id, meter))], timeout=_MAX_WAIT_SECONDS)


def record_usage(user_id: UUID, meter: Meter) -> None:
    """Adds one turn, unless it made no model call, and settles what it had reserved.

    Raises nothing: a lost count must not cost the user the answer. A reservation that is not settled lapses.
    """
    try:
        _record(user_id, meter)
    except IntegrityError:
        logger.info("a turn of an erased account is not counted")
    except DatabaseError:
        logger.exception("a turn is not counted")


def _record(user_id: UUID, meter: Meter) -> None:
    """One statement where no budget is touched, else one transaction."""
    settlement = budgets.close_meter(user_id, meter)
    today = datetime.now(UTC).date()
    if settlement is None:
        if meter.calls:
            _add(user_id, today, meter)
        return
    with transaction.atomic():
        if meter.calls:
            _add(user_id, settlement.day(today), meter)
        settlement.carry_out()


def _add(user_id: UUID, day: date, meter: Meter) -> None:
    """Each statement adds in the database itself, so that turns which end at the same time lose nothing."""
    if not _update(user_id, day, meter):
        DailyUsage.objects.bulk_create([DailyUsage(user_id=user_id, day=day)], ignore_conflicts=True)
        _update(user_id, day, meter)


def _update(user_id: UUID, day: date, meter: Meter) -> int:
    """How many rows there were: one or none. Written out: the ORM takes 0.5 ms to make this statement anew."""
    values = {"user": user_id, "day": day, "updated_at": timezone.now()}
    user, on, at = (DailyUsage._meta.get_field(name).get_db_prep_value(values[name], connection) for name in values)  # type: ignore[union-attr]
    own = meter.input_tokens + meter.output_tokens if meter.own_key else 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chat_usage SET turns = turns + 1, input_tokens = input_tokens + %s, "
            "output_tokens = output_tokens + %s, own_key_tokens = own_key_tokens + %s, updated_at = %s "
            "WHERE user_id = %s AND day = %s",
            [meter.input_tokens, meter.output_tokens, own, at, user, on],
        )
        changed: int = cursor.rowcount
        return changed


def report(user: User) -> dict[str, Any]:
    """``{today, month, limits, remaining, resets_at}``, the first two each ``{turns, input_tokens, output_tokens}``.

    One query, and another where the tier has a limit.
    """
    today = datetime.now(UTC).date()
    rows = DailyUsage.objects.filter(user_id=user.id, day__gte=today.replace(day=1), day__lte=today)
    sums = rows.aggregate(
        own_key_tokens=Coalesce(Sum("own_key_tokens"), 0),
        **{f"month_{name}": Coalesce(Sum(name), 0) for name in _COLUMNS},
        **{f"today_{name}": Coalesce(Sum(name, filter=Q(day=today)), 0) for name in _COLUMNS},
    )
    limit = budgets.limit_of(user)
    remaining = None
    if limit is not None:
        counted = sums["month_input_tokens"] + sums["month_output_tokens"] - sums["own_key_tokens"]
        remaining = max(0, limit - budgets.used_tokens(user.id, counted=counted))
    return {
        **{span: {name: sums[f"{span}_{name}"] for name in _COLUMNS} for span in ("today", "month")},
        "limits": {"llm_tokens": limit},
        "remaining": {"llm_tokens": remaining},
        "resets_at": budgets.resets_at(),
    }
