"""What the open sockets of a user are told, in whichever process they are: one topic a user (``adiuva.broadcast``).

Each is sent after the commit that it tells of, and may be lost. A message is one of ``{"revoked": [session ids]}``,
``{"seq": number of the feed's last change}`` and ``{"hint": a frame for the sockets of the synchronisation}``.
"""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from adiuva.broadcast.factory import get_broadcast

logger = logging.getLogger(__name__)


def topic_of(user_id: UUID) -> str:
    return str(user_id)


def tell_revoked(*, user_id: UUID, session_ids: Iterable[UUID]) -> None:
    """These sessions have ended: their sockets close at once."""
    _tell(user_id, {"revoked": [str(session_id) for session_id in session_ids]})


def tell_changes(*, user_id: UUID, seq: int) -> None:
    _tell(user_id, {"seq": seq})


def tell_hint(*, user_id: UUID, frame: dict[str, Any]) -> None:
    """``frame`` goes out on the sockets of the synchronisation as it is: a ``type``, and ids at most."""
    _tell(user_id, {"hint": frame})


def _tell(user_id: UUID, message: dict[str, Any]) -> None:
    try:
        get_broadcast().publish(topic_of(user_id), message)
    except Exception:
        # The commit is done. Whoever called for it must not take it for failed, and its blobs back.
        logger.exception("open sockets are not told of what has happened")
