"""Envelopes come, change and go. All of an account's changes wait for each other at its row, so that what is counted
(50 at most, never none again) is true when the change is.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.keys.serializers import MOST_ENVELOPES
from accounts.models import EnvelopeKind, KeyEnvelope, SecurityEventType, User
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import Conflict, InvalidToken, LastEnvelope, NotFound, ValidationFailed

# Told the envelope that is there, None where there is none; raises ``PreconditionFailed``.
Expectation = Callable[[KeyEnvelope | None], None]


@transaction.atomic
def put_envelope(
    *,
    user_id: UUID,
    kind: str,
    ref: str,
    content: Mapping[str, Any],
    expect: Expectation,
    origin: Origin,
    session_id: UUID,
) -> KeyEnvelope:
    """A new envelope or one that is replaced. ``content``: blob (bytes), checksum, key_id.

    Raises ``PreconditionFailed`` (of ``expect``), ``Conflict`` (the account has as many as it may).
    """
    _lock(user_id)
    expect(KeyEnvelope.objects.for_user(user_id).filter(kind=kind, ref=ref).first())
    envelope = _write(user_id=user_id, kind=kind, ref=ref, content=content)
    if KeyEnvelope.objects.for_user(user_id).count() > MOST_ENVELOPES:
        raise Conflict(f"An account has at most {MOST_ENVELOPES} envelopes.")
    record(SecurityEventType.ENVELOPE_CHANGED, user_id=user_id, origin=origin, session_id=session_id)
    return envelope


@transaction.atomic
def delete_envelope(
    *, user_id: UUID, kind: str, ref: str, expect: Expectation, origin: Origin, session_id: UUID
) -> None:
    """Raises ``NotFound``, ``LastEnvelope``, ``PreconditionFailed`` (of ``expect``).

    In this order: a condition is looked at where the method would succeed without it (RFC 9110 § 13.2.1).
    """
    _lock(user_id)
    envelopes = KeyEnvelope.objects.for_user(user_id)
    envelope = envelopes.filter(kind=kind, ref=ref).first()
    if envelope is None:
        raise NotFound
    if not envelopes.exclude(id=envelope.id).exists():
        raise LastEnvelope
    expect(envelope)
    envelope.delete()
    record(SecurityEventType.ENVELOPE_CHANGED, user_id=user_id, origin=origin, session_id=session_id)


def replace_envelopes(
    *, user: User, envelopes: Iterable[Mapping[str, Any]], origin: Origin | None, session_id: UUID | None = None
) -> None:
    """Puts ``envelopes`` (validated data of ``EnvelopeInputsSerializer``) in place of those of the same kind and ref;
    others stay. In the caller's transaction, which has locked the user's row or made it.

    Raises ``ValidationFailed`` on ``envelopes``: with these the account would have more than it may.
    """
    given = list(envelopes)
    if not given:
        return
    for one in given:
        _write(user_id=user.id, kind=one["kind"], ref=one["ref"], content=one)
    if KeyEnvelope.objects.for_user(user.id).count() > MOST_ENVELOPES:
        raise ValidationFailed({"envelopes": [f"An account has at most {MOST_ENVELOPES} envelopes."]})
    record(SecurityEventType.ENVELOPE_CHANGED, user_id=user.id, origin=origin, session_id=session_id)


def set_kdf(*, user: User, kdf: Mapping[str, Any] | None) -> None:
    """Validated data of ``KdfSerializer``; None leaves what there is. In the caller's transaction, on a user that it
    has locked or made.
    """
    if kdf is not None:
        user.kdf = dict(kdf)
        user.save(update_fields=["kdf", "updated_at"])


def require_password_envelopes(*, user: User, envelopes: Iterable[Mapping[str, Any]]) -> None:
    """Each of the account's password envelopes must be among those given with a new password: the old password's key
    sealed it, and nobody could open it any more. In the caller's transaction, on a user that it has locked.

    Raises ``ValidationFailed`` on ``envelopes``.
    """
    there = KeyEnvelope.objects.for_user(user.id).filter(kind=EnvelopeKind.PASSWORD).values_list("ref", flat=True)
    missing = set(there) - {one["ref"] for one in envelopes if one["kind"] == EnvelopeKind.PASSWORD}
    if missing:
        names = ", ".join(f"password/{ref}" for ref in sorted(missing))
        raise ValidationFailed({"envelopes": [f"To be sealed anew for the new password: {names}."]})


def require_no_replacement(*, user: User, envelopes: Iterable[Mapping[str, Any]]) -> None:
    """None of ``envelopes`` may take the place of one that another secret than the password sealed. In the caller's
    transaction, on a user that it has locked.

    Raises ``ValidationFailed`` on ``envelopes``.
    """
    others = KeyEnvelope.objects.for_user(user.id).exclude(kind=EnvelopeKind.PASSWORD)
    there = set(others.values_list("kind", "ref"))
    replaced = sorted(f"{one['kind']}/{one['ref']}" for one in envelopes if (one["kind"], one["ref"]) in there)
    if replaced:
        names = ", ".join(replaced)
        raise ValidationFailed({"envelopes": [f"Replaced only once the second factor was shown: {names}."]})


def drop_password_envelopes(*, user: User) -> bool:
    """Those that a forgotten password's key sealed. True where the account had envelopes and none is left: it is
    locked, unless the caller brings new ones with ``replace_envelopes``, for which it is to be asked first.

    In the caller's transaction, which has locked the user's row.
    """
    envelopes = KeyEnvelope.objects.for_user(user.id)
    had_some = envelopes.exists()
    envelopes.filter(kind=EnvelopeKind.PASSWORD).delete()
    return had_some and not envelopes.exists()


def _lock(user_id: UUID) -> None:
    """Raises ``InvalidToken`` where the account was closed meanwhile."""
    # Not a key lock: rows that refer to the user may be written meanwhile. SQLite has one writer anyhow.
    if User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).first() is None:
        raise InvalidToken


def _write(*, user_id: UUID, kind: str, ref: str, content: Mapping[str, Any]) -> KeyEnvelope:
    now = datetime.now(UTC)
    fields = {"blob": content["blob"], "checksum": content["checksum"], "key_id": content["key_id"], "updated_at": now}
    envelope = KeyEnvelope.objects.for_user(user_id).filter(kind=kind, ref=ref).first()
    if envelope is None:
        return KeyEnvelope.objects.create(user_id=user_id, kind=kind, ref=ref, created_at=now, **fields)
    for name, value in fields.items():
        setattr(envelope, name, value)
    envelope.revision += 1
    envelope.save()
    return envelope
