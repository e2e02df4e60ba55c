"""A new device asks for the master key, and one that has it answers (docs/api.md § 13).

The server passes on a public key in one direction and what is sealed for it in the other. That the key is the new
device's, and not one that the server put in its place, is for people to see: both devices show its fingerprint.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import KeyRequest, KeyRequestState, SecurityEventType, Session, User
from accounts.security_events.recording import Origin, record
from accounts.sockets.messages import tell_hint
from adiuva.api.errors import Conflict, InvalidToken, NotFound, PermissionDenied

LIFETIME = timedelta(minutes=10)
MOST_PENDING = 5  # of an account: nobody looks through more, and a thief of a session could bury a real one
FINGERPRINT_DIGITS = 20
EXPIRED = "expired"


def fingerprint_of(public_key: bytes) -> str:
    """80 bits in hex, which two people can compare and nobody can find a second key for."""
    return hashlib.sha256(public_key).hexdigest()[:FINGERPRINT_DIGITS]


def state_of(request: KeyRequest, *, now: datetime) -> str:
    """As the contract has it: nobody answers what has expired, or what an ended session asked."""
    if request.state != KeyRequestState.PENDING:
        return request.state
    is_open = _open_requests(user_id=request.user_id, now=now).filter(id=request.id).exists()
    return request.state if is_open else EXPIRED


def pending_requests(*, user_id: UUID) -> "QuerySet[KeyRequest]":
    """Newest first."""
    return _open_requests(user_id=user_id, now=datetime.now(UTC)).order_by("-created_at", "-id")


@transaction.atomic
def ask(*, user_id: UUID, session_id: UUID, public_key: bytes, device_name: str) -> KeyRequest:
    """Raises ``Conflict``: there are as many as may wait for an answer."""
    if User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).first() is None:
        raise InvalidToken  # closed meanwhile
    now = datetime.now(UTC)
    if _open_requests(user_id=user_id, now=now).count() >= MOST_PENDING:
        raise Conflict(f"At most {MOST_PENDING} requests of an account may wait for an answer.")
    request = KeyRequest.objects.create(
        user_id=user_id,
        session_id=session_id,
        public_key=public_key,
        device_name=device_name,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    hint = {"type": "key_request", "id": str(request.id)}
    transaction.on_commit(partial(tell_hint, user_id=user_id, frame=hint))
    return request


def find_request(*, user_id: UUID, request_id: UUID) -> KeyRequest:
    """Raises ``NotFound``."""
    request = KeyRequest.objects.for_user(user_id).filter(id=request_id).first()
    if request is None:
        raise NotFound
    return request


def require_another_device(request: KeyRequest, *, session_id: UUID) -> None:
    """Raises ``PermissionDenied``: a device that could answer itself would not have to ask."""
    if request.session_id == session_id:
        raise PermissionDenied("The session that asks cannot answer.")


@transaction.atomic
def answer(request: KeyRequest, *, blob: bytes | None, origin: Origin, session_id: UUID) -> KeyRequest:
    """The request as it is then: answered with ``blob``, denied with None. Of all answers the first counts.

    Raises ``PermissionDenied``, ``Conflict`` (it is answered, denied or expired).
    """
    require_another_device(request, session_id=session_id)
    now = datetime.now(UTC)
    state = KeyRequestState.DENIED if blob is None else KeyRequestState.ANSWERED
    # One statement: whoever comes second finds it pending no more.
    pending = _open_requests(user_id=request.user_id, now=now).filter(id=request.id)
    if not pending.update(state=state, blob=blob, answered_at=now):
        raise Conflict("The request is answered, denied or expired.")
    if state == KeyRequestState.ANSWERED:
        record(SecurityEventType.DEVICE_APPROVED, user_id=request.user_id, origin=origin, session_id=session_id)
    request.refresh_from_db()
    return request


def _open_requests(*, user_id: UUID, now: datetime) -> "QuerySet[KeyRequest]":
    asks = Session.objects.usable().live(now).filter(id=OuterRef("session_id"), user_id=user_id)
    return KeyRequest.objects.for_user(user_id).filter(Exists(asks), state=KeyRequestState.PENDING, expires_at__gt=now)
