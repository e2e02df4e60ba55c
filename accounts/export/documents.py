"""What an export says of itself, and what accounts put into it. Nothing here lets anybody in."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.export import registry
from accounts.models import Factor, KeyEnvelope, SecurityEvent, Session, User
from accounts.security_events.recording import KEPT

# Its first entry, in plain words.
README = """\
Your Adiuva account
===================

This archive holds what Adiuva Cloud keeps of your account.

What is sealed with your key is here as it is kept: Adiuva cannot open it, and neither can anybody who finds this
archive. The Adiuva app opens it with your password, your recovery phrase or a device that is unlocked.

What you can read:

  account.json     you: address, language, tier, second factors by name, how your password is turned into a key
  sessions.json    the devices that are logged in, or were lately
  events.json      security events of the last 90 days
  organization.json
                   the organisation you are in, and who you are at its sign-in provider
  billing.json     your subscription and your invoices
  installs.json    plugins you have installed, bought, rated or submitted
  backup_policy.json
                   how long your snapshots are kept
  usage.json       how much you have chatted, in numbers; what was said is kept nowhere

What is sealed:

  envelopes.json   your master key, once for each way to it
  records/         one file for each record, by table; records.json says what they are
  earlier/         what records were before, and deleted ones, as far as they are kept; earlier.json lists them
  vectors/         one file for each search entry; vectors.json lists them
  backups/         your snapshots; backups.json lists them
  batches/         your batches; batches.json lists them, with their runs in numbers

Each index (records.json, earlier.json, vectors.json, backups.json, batches.json) gives the file, its size and its
checksum: SHA-256 of the sealed bytes, in hexadecimal.

A file under MISSING/ was replaced or deleted while this archive was made, or could not be read; it holds zeros only.
The index names it where it would have been. Make another export to get its newer state.

Not in here are things that let somebody into your account: the hashes of your password, of recovery codes and of
tokens, and the secrets of your authenticator apps and passkeys.
"""


def collect_account(user_id: UUID) -> dict[str, Any]:
    user = User.objects.get(id=user_id)
    factors = Factor.objects.for_user(user_id).confirmed()
    return {
        "id": user.id,
        "email": user.email,
        "email_verified_at": user.email_verified_at,
        "locale": user.locale,
        "created_at": user.created_at,
        "kdf": user.kdf,
        "factors": list(factors.values("type", "name", "created_at", "last_used_at")),
        "exported_at": datetime.now(UTC),
    }


def collect_sessions(user_id: UUID) -> dict[str, Any]:
    columns = ("id", "user_agent", "created_at", "last_used_at", "expires_at", "revoked_at")
    return {"items": list(Session.objects.for_user(user_id).order_by("created_at").values(*columns))}


def collect_events(user_id: UUID) -> dict[str, Any]:
    events = SecurityEvent.objects.for_user(user_id).filter(at__gt=datetime.now(UTC) - KEPT)
    return {"items": list(events.values("at", "type", "session_id", "ip", "user_agent"))}


def collect_envelopes(user_id: UUID) -> dict[str, Any]:
    columns = ("kind", "ref", "blob", "checksum", "key_id", "created_at", "updated_at")
    return {"items": list(KeyEnvelope.objects.for_user(user_id).values(*columns))}


def register() -> None:
    registry.register_document("account.json", collect_account)
    registry.register_document("sessions.json", collect_sessions)
    registry.register_document("events.json", collect_events)
    registry.register_document("envelopes.json", collect_envelopes)
