"""Beginning an export, going on with one that broke off, and the lease by which an account has one at a time."""

import json
import logging
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.export import registry
from accounts.export.plan import Plan, make_plan, to_json
from accounts.models import AccountExport, SecurityEventType, Session
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import Conflict

logger = logging.getLogger(__name__)

# Longer than it takes to list a large account, and to wait for a client between two renewals.
LEASE = timedelta(seconds=90)
RESUMABLE = timedelta(days=1)


class ExportEndedError(Exception):
    """In mid-answer: another request went on with this export, or its session or account ended."""


@dataclass(frozen=True, slots=True)
class Export:
    """``plan`` is the caller's to close, ``lease`` its to give back. ``is_resumed``: it is the one that was asked for,
    byte by byte.
    """

    plan: Plan
    lease: UUID
    is_resumed: bool


def begin_export(*, user_id: UUID, session_id: UUID, origin: Origin, resumes: str | None) -> Export:
    """``resumes``: the tag of the export that the client has a part of. Where the account is no longer as it was then,
    this is a new one, as it is without. A new one is an event, going on is none.

    Raises ``Conflict`` while another request exports the account, unless this one goes on with the same export.
    """
    lease = uuid.uuid4()
    before = _claim(user_id=user_id, lease=lease, resumes=resumes)
    try:
        if before is not None:
            plan = make_plan(user_id=user_id, at=before.started_at, documents=_unpack(before.documents))
            if plan.etag == before.etag:
                return Export(plan, lease, is_resumed=True)
            plan.close()
        at = datetime.now(UTC).replace(microsecond=0)
        documents = {
            name: to_json(collect(user_id), indent=1).decode() for name, collect in registry.documents().items()
        }
        plan = make_plan(user_id=user_id, at=at, documents=documents)
        try:
            with transaction.atomic():
                record(SecurityEventType.EXPORTED, user_id=user_id, origin=origin, session_id=session_id)
                _mine(user_id, lease).update(started_at=at, etag=plan.etag, documents=_pack(documents))
        except BaseException:
            plan.close()
            raise
    except BaseException:
        give_back(user_id=user_id, lease=lease)
        raise
    return Export(plan, lease, is_resumed=False)


def _claim(*, user_id: UUID, lease: UUID, resumes: str | None) -> AccountExport | None:
    """The export that ``resumes`` names, if it still can be gone on with."""
    now = datetime.now(UTC)
    AccountExport.objects.bulk_create(
        [AccountExport(user_id=user_id, started_at=now, documents=b"")], ignore_conflicts=True
    )
    with transaction.atomic():
        row = AccountExport.objects.select_for_update().get(user_id=user_id)
        is_named = bool(row.etag) and row.etag == resumes and row.started_at > now - RESUMABLE
        if row.lease_until is not None and row.lease_until > now and not is_named:
            raise Conflict("This account is being exported already.")
        row.lease, row.lease_until = lease, now + LEASE
        row.save(update_fields=["lease", "lease_until"])
    return row if is_named else None


def renew_lease(*, user_id: UUID, session_id: UUID, lease: UUID) -> None:
    """Raises ``ExportEndedError``."""
    renewed = _mine(user_id, lease).update(lease_until=datetime.now(UTC) + LEASE)
    if not renewed or not Session.objects.usable().filter(id=session_id).exists():
        raise ExportEndedError


def give_back(*, user_id: UUID, lease: UUID) -> None:
    _mine(user_id, lease).update(lease=None, lease_until=None)


def _mine(user_id: UUID, lease: UUID) -> QuerySet[AccountExport]:
    return AccountExport.objects.filter(user_id=user_id, lease=lease)


def _pack(documents: Mapping[str, str]) -> bytes:
    return zlib.compress(json.dumps(documents).encode())


def _unpack(packed: bytes | memoryview) -> dict[str, str]:
    documents: dict[str, str] = json.loads(zlib.decompress(packed))
    return documents
