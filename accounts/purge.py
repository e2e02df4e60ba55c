"""Removes sessions, tokens and what else accounts keep for a while only. Safe beside running servers.

What goes, and why nobody misses it:

- A rotated token of a live session, a year after its own expiry. Until then its hash must stay: when a thief has used a
  stolen token, its owner shows up with the old one, perhaps after a long absence, and only the hash tells that two
  parties hold the family. It has to end some day: a session in daily use adds some 16 rows a day.
- A session that was revoked or has expired long ago, with all its tokens. Re-use has nothing left to revoke there: a
  token of it is refused as unknown instead.
- Never the current token of a session that could still be used.
- What waited for an answer that can no longer come: mailed links, changes of address, second steps of logins, requests
  for keys, factors that nobody confirmed (``purge_expired``), and security events after their 90 days.

Rows are locked with SKIP LOCKED and nothing is waited for while locks are held, so that no deadlock with a refresh or
an erasure is possible; what is skipped is for the next run. Tables are walked once, in the order of their keys.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import (
    AccountExport,
    EmailChange,
    Factor,
    KeyRequest,
    LoginChallenge,
    MailToken,
    RecoveryCode,
    RefreshToken,
    SecurityEvent,
    Session,
    SessionQuerySet,
)
from accounts.refresh_tokens import GRACE
from accounts.security_events import recording

KEPT = timedelta(weeks=1)  # ended sessions: longer than ``least_age``, whatever the lifetimes are set to
REMEMBERED = timedelta(days=365)
BATCH = 500  # rows a transaction: milliseconds for a refresh that waits for SQLite's one writer

_A_DAY = timedelta(days=1)
# A change of address can be confirmed for 3 days and undone for 7 (docs/api.md § 3).
_CHANGES_KEPT = timedelta(days=30)

Step = Callable[[int], None]


def least_age() -> timedelta:
    """Nothing younger goes: a repeated refresh and an access token of the last moment still need their session."""
    return GRACE + max(settings.ACCESS_TOKEN_LIFETIME, GRACE)


def purge_tokens(*, older_than: datetime, dry_run: bool, step: Step) -> int:
    """Rotated tokens that expired before ``older_than``: how many there were."""
    spent = RefreshToken.objects.filter(rotated_at__isnull=False, expires_at__lt=older_than)
    if dry_run:  # those of ended sessions go with these
        return spent.exclude(session__in=_find_ended_sessions(older_than)).count()
    purged, last = 0, 0
    while True:
        with transaction.atomic():
            batch = spent.filter(id__gt=last).order_by("id").select_for_update(skip_locked=True)
            ids = list(batch.values_list("id", flat=True)[:BATCH])
            if not ids:
                return purged
            RefreshToken.objects.filter(id__in=ids).delete()
        purged, last = purged + len(ids), ids[-1]
        step(len(ids))


def purge_sessions(*, older_than: datetime, dry_run: bool, step: Step) -> tuple[int, int]:
    """Sessions that ended before ``older_than``: how many, and how many tokens went with them."""
    ended = _find_ended_sessions(older_than)
    if dry_run:
        return ended.count(), RefreshToken.objects.filter(session__in=ended).count()
    sessions, tokens, last = 0, 0, UUID(int=0)
    while True:
        ids = list(ended.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:BATCH])
        if not ids:
            return sessions, tokens
        tokens += _delete_tokens_of(ids)
        sessions += _delete_without_tokens(ids)
        last = ids[-1]
        step(len(ids))


def _find_ended_sessions(older_than: datetime) -> SessionQuerySet:
    return Session.objects.filter(Q(revoked_at__lt=older_than) | Q(expires_at__lt=older_than))


def _delete_tokens_of(session_ids: list[UUID]) -> int:
    deleted = 0
    while True:
        with transaction.atomic():
            tokens = RefreshToken.objects.filter(session_id__in=session_ids).select_for_update(skip_locked=True)
            ids = list(tokens.values_list("id", flat=True)[:BATCH])
            RefreshToken.objects.filter(id__in=ids).delete()
        deleted += len(ids)
        if len(ids) < BATCH:
            return deleted


def _delete_without_tokens(session_ids: list[UUID]) -> int:
    """An ended session never gets a new token, so one that has none stays without."""
    has_tokens = Exists(RefreshToken.objects.filter(session_id=OuterRef("id")))
    with transaction.atomic():
        empty = Session.objects.filter(~has_tokens, id__in=session_ids).select_for_update(
            skip_locked=True, of=("self",)
        )
        ids = list(empty.values_list("id", flat=True))
        Session.objects.filter(id__in=ids).delete()
        return len(ids)


def purge_events(*, now: datetime, dry_run: bool, step: Step) -> int:
    """Security events after their 90 days, whatever ``--min-age`` says: nobody is told of them any more."""
    return purge_rows(SecurityEvent.objects.filter(at__lt=now - recording.KEPT), dry_run=dry_run, step=step)


def purge_expired(*, now: datetime, dry_run: bool, step: Step) -> int:
    """What can no longer be answered, used or gone on with: how many rows of all those tables."""
    over = (
        MailToken.objects.filter(expires_at__lt=now - KEPT),
        EmailChange.objects.filter(requested_at__lt=now - _CHANGES_KEPT),
        LoginChallenge.objects.filter(expires_at__lt=now - _A_DAY),
        KeyRequest.objects.filter(expires_at__lt=now - _A_DAY),
        RecoveryCode.objects.filter(used_at__lt=now - _A_DAY),
        Factor.objects.filter(confirmed_at__isnull=True, created_at__lt=now - _A_DAY),
        AccountExport.objects.filter(started_at__lt=now - _A_DAY).exclude(lease_until__gt=now),
    )
    return sum(purge_rows(rows, dry_run=dry_run, step=step) for rows in over)


def purge_rows(rows: QuerySet[Any], *, dry_run: bool, step: Step) -> int:
    """In the order of their keys: how many. What follows a row by its foreign key goes with it."""
    if dry_run:
        return rows.count()
    table = rows.model.objects
    purged, last = 0, None
    while True:
        with transaction.atomic():
            batch = rows.order_by("pk") if last is None else rows.filter(pk__gt=last).order_by("pk")
            keys = list(batch.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
            if not keys:
                return purged
            table.filter(pk__in=keys).delete()
        purged, last = purged + len(keys), keys[-1]
        step(len(keys))
