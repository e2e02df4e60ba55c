"""Recovery codes: ten, to be printed, each good for one login without the factor.

A code is 16 characters of an alphabet of 31, 79 random bits. Nobody tries 2⁷⁹ of them against a hash, so SHA-256
suffices, and it needs no key: codes must go on working when the server's secrets are changed, which is when they are
needed most. The account's id is hashed along, so that a stolen table has to be searched account by account.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.factors.service import has_second_factor, lock_account_of_session
from accounts.factors.verification import Context, Method, register_method
from accounts.models import RecoveryCode, SecurityEventType, User
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import Conflict, InvalidCredentials

AMOUNT = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no 0 and o, no 1, i and l
_GROUPS, _GROUP = 4, 4


def make_codes(*, user_id: UUID, origin: Origin, session_id: UUID) -> list[str]:
    """Ten codes, which void those there were. Raises ``Conflict``: without a factor they would be of no use."""
    with transaction.atomic():
        lock_account_of_session(user_id=user_id, session_id=session_id)
        if not has_second_factor(user_id=user_id):
            raise Conflict("The account has no second factor, so it needs no recovery codes.")
        return replace_codes(user_id=user_id, origin=origin, session_id=session_id)


def replace_codes(*, user_id: UUID, origin: Origin, session_id: UUID | None) -> list[str]:
    """As ``make_codes``, in a transaction that has locked the account."""
    codes = [new_code() for _ in range(AMOUNT)]
    now = datetime.now(UTC)
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=user_id, code_hash=_hash_of(code, user_id), created_at=now) for code in codes
    )
    record(SecurityEventType.RECOVERY_CODES_MADE, user_id=user_id, origin=origin, session_id=session_id)
    return codes


def count_unused(user_id: UUID) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at__isnull=True).count()


def check_code(*, user: User, code: str | None, credential: Mapping[str, Any] | None, context: Context) -> RecoveryCode:
    """``verification.Check``: exactly one of those who come with the same code passes."""
    del credential
    found = RecoveryCode.objects.filter(user_id=user.id, code_hash=_hash_of(code or "", user.id)).first()
    if found is None:
        raise InvalidCredentials
    used_at = datetime.now(UTC)
    if RecoveryCode.objects.filter(id=found.id, used_at__isnull=True).update(used_at=used_at) != 1:
        raise InvalidCredentials
    record(SecurityEventType.RECOVERY_CODE_USED, user_id=user.id, origin=context.origin, session_id=context.session_id)
    found.used_at = used_at
    return found


def has_unused(user_id: UUID) -> bool:
    return count_unused(user_id) > 0


def register() -> None:
    register_method(Method(name="recovery_code", field="code", check=check_code, is_usable=has_unused))


def new_code() -> str:
    """79 random bits, in groups that can be read out."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _hash_of(code: str, user_id: UUID) -> str:
    return hash_code(code, kind="recovery-code", owner_id=user_id)


def hash_code(code: str, *, kind: str, owner_id: UUID) -> str:
    """Hex SHA-256. Case, hyphens and spaces are how somebody typed it."""
    plain = re.sub(r"[\s-]", "", code).casefold()
    return hashlib.sha256(f"adiuva:{kind}:{owner_id}:{plain}".encode(errors="surrogatepass")).hexdigest()
