"""The recent plans of each user, encrypted."""

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

logger = logging.getLogger(__name__)

SIZE = 1_000
PER_USER = 20
MAX_BYTES = 32 * 1024 * 1024
LIFETIME_SECONDS = 3_600


def encrypt(value: Mapping[str, Any], *, user_id: UUID) -> bytes:
    """``value`` as JSON, encrypted and authenticated together with the time.

    Neither the memory of this process nor a dump of Redis shows a plan. The key is derived from the server's secret and
    the user's id: no entry can be decrypted for another user by mistake, and none at all after the secret has changed.
    """
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _fernet(user_id).encrypt_at_time(plain, int(time.time()))


def decrypt(encrypted: bytes, *, user_id: UUID, max_age: int) -> dict[str, Any] | None:
    """None if it is older than ``max_age`` seconds, or was encrypted for another user or under another secret."""
    try:
        plain = _fernet(user_id).decrypt_at_time(encrypted, ttl=max_age, current_time=int(time.time()))
    except InvalidToken:
        return None
    value: dict[str, Any] = json.loads(plain)
    return value


def _fernet(user_id: UUID) -> Fernet:
    key = salted_hmac("chat.plans.cache", str(user_id), algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))


class PlanCache:
    """Plans of the last hour, at most ``PER_USER`` for each user.

    A plan's variables hold the user's message, which a client needs again to run the plan. So the whole plan is
    encrypted with a key of that user's and kept for an hour only; nothing of the context is in a plan. Without Redis
    plans are in this process, where the least recently used are dropped first; with Redis they are in Django's cache,
    for all processes.
    """

    def __init__(self, store: PlanStore, *, lifetime: int = LIFETIME_SECONDS) -> None:
        self._store = store
        self._lifetime = lifetime

    def remember(self, plan: ExecutionPlan, *, user_id: UUID) -> None:
        """When the cache is away, the plan is missing among the recent ones, but the user still gets it."""
        try:
            self._store.put(user_id, plan.plan_id, encrypt(plan.as_dict(), user_id=user_id))
        except UpstreamUnavailable as problem:
            logger.warning("a plan is not kept", extra={"code": problem.code})

    def get(self, plan_id: str, *, user_id: UUID) -> ExecutionPlan | None:
        """Raises ``UpstreamUnavailable``."""
        encrypted = self._store.get(user_id, plan_id)
        return None if encrypted is None else self._decrypt(encrypted, user_id)

    def recent(self, *, user_id: UUID) -> list[ExecutionPlan]:
        """Newest first. Raises ``UpstreamUnavailable``."""
        plans = [self._decrypt(encrypted, user_id) for encrypted in self._store.newest_first(user_id)]
        return [plan for plan in plans if plan is not None]

    def forget(self, user_id: UUID) -> None:
        """For the erasure of an account. Raises what the cache raises, so that the erasure is retried."""
        self._store.forget(user_id)

    def _decrypt(self, encrypted: bytes, user_id: UUID) -> ExecutionPlan | None:
        value = decrypt(encrypted, user_id=user_id, max_age=self._lifetime)
        return None if value is None else ExecutionPlan.from_dict(value)


def _choose_store() -> PlanStore:
    if settings.REDIS_URL:
        return SharedStore(per_user=PER_USER, lifetime=LIFETIME_SECONDS)
    return LocalStore(size=SIZE, per_user=PER_USER, max_bytes=MAX_BYTES)


plan_cache = PlanCache(_choose_store())
