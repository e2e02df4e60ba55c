"""Seals what is kept of a user, so that neither the cache's memory nor a Redis dump shows it.

The key is derived from the server's secret and the user's id: another user's entry cannot be opened by mistake, and
nothing opens once the secret has changed.
"""

import base64
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import salted_hmac

from adiuva.api.errors import UpstreamUnavailable
from chat.plans.execution_plan import ExecutionPlan
from chat.plans.stores import LocalStore, PlanStore, SharedStore


def encrypt(value: Mapping[str, Any], *, user_id: UUID) -> bytes:
    """``value`` as JSON, encrypted and authenticated, with the time in it."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _fernet(user_id).encrypt_at_time(plain, int(time.time()))


def decrypt(sealed: bytes, *, user_id: UUID, max_age: int) -> dict[str, Any] | None:
    """None for what is older than ``max_age`` seconds, was sealed for another user or under another secret."""
    try:
        plain = _fernet(user_id).decrypt_at_time(sealed, ttl=max_age, current_time=int(time.time()))
    except InvalidToken:
        return None
    value: dict[str, Any] = json.loads(plain)
    return value


def _fernet(user_id: UUID) -> Fernet:
    key = salted_hmac("chat.plans.cache", str(user_id), algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


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
            self._store.put(user_id, plan.plan_id, encrypt(plan.as_dict(), user_id=user_id))
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
        value = decrypt(sealed, user_id=user_id, max_age=self._lifetime)
        return None if value is None else ExecutionPlan.from_dict(value)


def _store() -> PlanStore:
    if settings.REDIS_URL:
        return SharedStore(per_user=PER_USER, lifetime=LIFETIME_SECONDS)
    return LocalStore(size=SIZE, per_user=PER_USER, max_bytes=MAX_BYTES)


plan_cache = PlanCache(_store())
