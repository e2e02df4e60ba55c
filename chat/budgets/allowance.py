"""What one turn may spend: it reserves before each model call, and settles once at its end."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import IntegrityError

from accounts.models import User
from adiuva.api.errors import InvalidToken, QuotaExceeded, UpstreamTimeout
from agents.llm.meter import Grant, Meter
from agents.llm.own_keys import OwnProvider
from agents.llm.port import Usage
from billing import entitlements
from chat.budgets import ledger
from chat.budgets.ledger import Refused, Reservation

# Of one call. Long answers and notes stay below it; what is not used is back at the turn's end.
MOST_OUTPUT_TOKENS = 8192
# With so much the turn's reservation need not grow: the calls of a tool loop mostly cost no statement.
ENOUGH_OUTPUT_TOKENS = 4096
# An answer that is cut after fewer is of no use.
LEAST_OUTPUT_TOKENS = 256
# For what other running turns hold and mostly give back, such as the items of a map run: that is asked for anew.
PATIENCE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
# After the deadline of its turn a reservation is a dead process's.
GRACE_SECONDS = 30
_SAME_DEADLINE = timedelta(seconds=1)
# What a column holds, and more than anybody means by a limit.
_MOST_LIMIT = 2**62


def open_meter(user: User, provider: OwnProvider | None = None) -> Meter:
    """The meter of one turn of ``user``, whose tier is read live. No query: the first model call reserves.

    Whoever opens it records it at the end, however that came (``chat.usage.record_usage``): that settles.
    """
    if provider is not None:
        return Meter(own_key=True)
    limit = limit_of(user)
    return Meter() if limit is None else Meter(TurnAllowance(user.id, limit))


def limit_of(user: User) -> int | None:
    """Tokens a month by the live tier; None is unlimited."""
    limit = settings.LLM_TOKENS_PER_MONTH[entitlements.tier_of(user)]
    return None if limit is None else min(limit, _MOST_LIMIT)


def resets_at() -> str:
    """When the next month begins, RFC 3339."""
    return f"{ledger.after(ledger.this_month()):%Y-%m-%d}T00:00:00Z"


class TurnAllowance:
    """One reservation, which the calls of the turn share and let grow. Several may run at once, on one event loop;
    ``close`` may come from any thread, while a call that was cancelled still reserves.
    """

    def __init__(self, user_id: UUID, limit: int) -> None:
        self._limit = limit
        # Of the database's side: behind the lock, in threads.
        self._lock = threading.Lock()
        self._reservation = Reservation(id=uuid4(), user_id=user_id)
        self._has_asked = self._is_closed = False
        # Of the event loop's side: what is reserved, what is being reserved, and what calls have of both or have spent.
        self._reserved = self._awaited = self._held = 0
        self._until = datetime.min.replace(tzinfo=UTC)

    async def reserve(self, *, input_tokens: int, seconds: float) -> Grant:
        """Before a call that reads so many and is over in ``seconds``.

        Raises ``QuotaExceeded``; ``InvalidToken`` when the account is gone; ``UpstreamTimeout``; ``DatabaseError``.
        """
        until = datetime.now(UTC) + timedelta(seconds=seconds + GRACE_SECONDS)
        most = input_tokens + MOST_OUTPUT_TOKENS
        free = self._reserved - self._held
        if free >= input_tokens + ENOUGH_OUTPUT_TOKENS and until <= self._until + _SAME_DEADLINE:
            tokens = min(free, most)
            self._held += tokens
            return Grant(input_tokens, tokens - input_tokens)
        free += self._awaited
        growth = max(0, most - free)
        granted = 0
        self._held += most
        self._awaited += growth
        try:
            async with asyncio.timeout(seconds):
                least = input_tokens + LEAST_OUTPUT_TOKENS - free
                patience = min(PATIENCE_SECONDS, seconds / 2)  # the model needs time, too
                gained = await self._reserve_patiently(growth, least, until, patience)
            granted = min(most, free + gained)
            self._reserved += gained
            self._until = max(self._until, until)
        except TimeoutError:
            raise UpstreamTimeout from None
        finally:
            self._awaited -= growth
            self._held += granted - most
        return Grant(input_tokens, granted - input_tokens)

    async def _reserve_patiently(self, most: int, least: int, until: datetime, patience: float) -> int:
        """How many tokens more it is now. Raises ``QuotaExceeded``."""
        clock = asyncio.get_running_loop().time
        patient_until, pause = clock() + patience, _FIRST_PAUSE
        reserve = database_sync_to_async(self._reserve, thread_sensitive=False)
        while True:
            gained: int | Refused = await reserve(most, least, until)
            if not isinstance(gained, Refused):
                return gained
            if not gained.may_come_back or clock() + pause > patient_until:
                raise QuotaExceeded(
                    "Too few of this month's tokens are left for this.",
                    resource="llm_tokens",
                    limit=self._limit,
                    used=gained.used,
                    resets_at=resets_at(),
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def settle(self, grant: Grant, spent: Usage) -> None:
        """More than was granted is what the provider says: later calls of the turn have that less."""
        self._held += spent.input_tokens + spent.output_tokens - grant.input_tokens - grant.output_tokens

    def close(self) -> Reservation | None:
        """What there is to settle; waits for a call that still reserves, and lets none do so afterwards.

        None where nothing was ever reserved. Sync: for a thread.
        """
        with self._lock:
            self._is_closed = True
            return self._reservation if self._has_asked else None

    def _reserve(self, most: int, least: int, until: datetime) -> int | Refused:
        """How many tokens more it is now."""
        with self._lock:
            if self._is_closed:  # the call was cancelled before this could begin
                return Refused(0)
            self._has_asked = True
            held = self._reservation.tokens
            try:
                outcome = ledger.reserve(self._reservation, limit=self._limit, most=most, least=least, until=until)
            except IntegrityError:
                raise InvalidToken from None
            if isinstance(outcome, Refused):
                return outcome
            self._reservation = outcome
            return outcome.tokens - held


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the end of a turn means for a budget."""

    reservation: Reservation | None
    user_id: UUID
    month: date
    tokens: int

    def day(self, today: date) -> date:
        """On which the turn counts: in the month whose budget it has spent, also when it ends in the next."""
        return min(today, ledger.after(self.month) - timedelta(days=1))

    def carry_out(self) -> None:
        """In the transaction that counts the turn."""
        if self.reservation is not None:
            ledger.settle(self.reservation, spent=self.tokens)
        else:
            ledger.spend(self.user_id, self.month, self.tokens)


def close_meter(user_id: UUID, meter: Meter) -> Settlement | None:
    """None where no budget is touched. Sync: for a thread, since a call of the turn may still be reserving.

    A turn without a limit counts, too, where others have one: its user's tier may change within the month.
    """
    tokens = meter.input_tokens + meter.output_tokens
    if isinstance(meter.allowance, TurnAllowance):
        reservation = meter.allowance.close()
        if reservation is None:
            return None
        return Settlement(reservation, user_id, reservation.month or ledger.this_month(), tokens)
    if meter.own_key or not tokens or all(limit is None for limit in settings.LLM_TOKENS_PER_MONTH.values()):
        return None
    return Settlement(None, user_id, ledger.this_month(), tokens)
