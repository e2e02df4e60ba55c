"""A user's recent plans. See docs/adr/0004: what is kept, how it is sealed, and for how long."""

import logging
from uuid import UUID

from django.conf import settings

from adiuva.api.errors import UpstreamUnavailable
from chat.plans import vault
from chat.plans.model import ExecutionPlan
from chat.plans.stores import LocalStore, PlanStore, SharedStore

logger = logging.getLogger(__name__)

SIZE = 1_000
PER_USER = 20
MAX_BYTES = 32 * 1024 * 1024
LIFETIME_SECONDS = 3_600


class PlanCache:
    """Plans of the last hour, at most ``PER_USER`` of one user.

    A plan's variables hold the user's own words, which a client needs again to run the plan. The whole plan is
    therefore sealed with a key of that user's (``vault``) before it is kept, and for an hour only; of the context
    nothing is in a plan. Without Redis it is kept in this process, least recently used first out; with Redis in
    Django's cache, for all processes.
    """

    def __init__(self, store: PlanStore, *, lifetime: int = LIFETIME_SECONDS) -> None:
        self._store = store
        self._lifetime = lifetime

    def remember(self, plan: ExecutionPlan, *, user_id: UUID) -> None:
        """A cache that is away costs the user the list of recent plans, not the plan they are waiting for."""
        try:
            self._store.put(user_id, plan.plan_id, vault.seal(plan.as_dict(), user_id=user_id))
        except UpstreamUnavailable as problem:
            logger.warning("a plan is not kept", extra={"code": problem.code})

    def get(self, plan_id: str, *, user_id: UUID) -> ExecutionPlan | None:
        """Raises ``UpstreamUnavailable``."""
        sealed = self._store.get(user_id, plan_id)
        return None if sealed is None else self._opened(sealed, user_id)

    def recent(self, *, user_id: UUID) -> list[ExecutionPlan]:
        """Newest first. Raises ``UpstreamUnavailable``."""
        opened = [self._opened(sealed, user_id) for sealed in self._store.newest_first(user_id)]
        return [plan for plan in opened if plan is not None]

    def forget(self, user_id: UUID) -> None:
        """For the erasure of an account. Raises what the cache raises, so that the erasure is taken up again."""
        self._store.forget(user_id)

    def _opened(self, sealed: bytes, user_id: UUID) -> ExecutionPlan | None:
        value = vault.unseal(sealed, user_id=user_id, max_age=self._lifetime)
        return None if value is None else ExecutionPlan.from_dict(value)


def _store() -> PlanStore:
    if settings.REDIS_URL:
        return SharedStore(per_user=PER_USER, lifetime=LIFETIME_SECONDS)
    return LocalStore(size=SIZE, per_user=PER_USER, max_bytes=MAX_BYTES)


plan_cache = PlanCache(_store())
