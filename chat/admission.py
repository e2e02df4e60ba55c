"""What a chat request over a WebSocket has to pass, in the order of wire contract § 1: 401, 429, then the body."""

from collections.abc import Mapping
from typing import Any

from accounts import authentication
from accounts.authentication import Identity
from adiuva.api.errors import RateLimited
from billing import entitlements
from billing.rate_limit import limiter
from chat.serializers import SocketChatRequestSerializer, turn_from
from chat.turns import ChatTurn


def admit(*, identity: Identity, body: Mapping[str, Any]) -> tuple[Identity, ChatTurn]:
    """The identity as it is now (tier and revocation are read live) and the turn to run. Sync: one query.

    Raises ``InvalidToken``, ``RateLimited``, DRF's ``ValidationError``, ``PayloadTooLarge``, ``FeatureNotAvailable``.
    """
    identity = authentication.reload(identity)
    decision = limiter.hit(identity.user.id, entitlements.tier_of(identity.user))
    if decision.retry_after is not None:
        raise RateLimited(retry_after=decision.retry_after)
    return identity, turn_from(SocketChatRequestSerializer(data=body), user=identity.user)
