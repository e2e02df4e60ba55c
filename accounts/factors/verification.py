"""Checking a second factor: one door for every method, for the API and for Django's own views.

    verify(user=user, method="totp", code="123456", context=Context(origin=origin, session_id=session_id))

How a method plugs in: its module has a function of the shape of ``Check`` and registers it under the contract's name
from ``AccountsConfig.ready`` (as ``accounts.factors.totp`` does)::

    register_method(Method(name="passkey", field="credential", check=check_assertion, is_usable=has_passkey))

A check runs in a transaction in which the user's row is locked, so that it never meets itself in parallel. It returns
what showed who the user is, after having written that it is used up, or raises ``InvalidCredentials``. What it has
written until then is committed in both cases: that a WebAuthn challenge is spent, for instance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

from django.db import transaction

from accounts.factors import attempts
from accounts.models import Factor, RecoveryCode, SecurityEventType, User
from accounts.security_events.recording import Origin, record
from adiuva.api.errors import InvalidCredentials

Proof = Factor | RecoveryCode
WRONG = "The second factor is wrong, or the login it belongs to is over."


@dataclass(frozen=True, slots=True)
class Context:
    """What the second factor is asked for by, exactly one of three: a login that waits for it, a session of the API
    (``reauthenticate``), or a session of Django's (the admin; its key). A passkey's options belong to that one alone.
    """

    origin: Origin | None
    challenge_id: UUID | None = None
    session_id: UUID | None = None
    staff_session: str = ""

    @property
    def key(self) -> str:
        """``challenge:<id>``, ``session:<id>`` or ``staff:<key>``: what to keep a passkey's options under."""
        if self.challenge_id is not None:
            return f"challenge:{self.challenge_id}"
        return f"session:{self.session_id}" if self.session_id is not None else f"staff:{self.staff_session}"


class Check(Protocol):
    def __call__(
        self, *, user: User, code: str | None, credential: Mapping[str, Any] | None, context: Context
    ) -> Proof:
        """Raises ``InvalidCredentials``."""


@dataclass(frozen=True, slots=True)
class Method:
    """``field``: what a request brings. ``is_usable``: whether the account of that id can answer with this method.
    ``can_be_guessed``: its answers are so few that failures of the account's are limited (``attempts``).
    """

    name: str
    field: Literal["code", "credential"]
    check: Check
    is_usable: Callable[[UUID], bool]
    can_be_guessed: bool = False


_methods: dict[str, Method] = {}


def register_method(method: Method) -> None:
    """The later of one name replaces the earlier."""
    _methods[method.name] = method


def usable_methods(*, user_id: UUID) -> list[str]:
    """Those that a client may offer now, the ones of factors before recovery codes."""
    usable = [method.name for method in _methods.values() if method.is_usable(user_id)]
    return sorted(usable, key=lambda name: name == "recovery_code")


def verify(
    *,
    user: User,
    method: str,
    code: str | None = None,
    credential: Mapping[str, Any] | None = None,
    context: Context,
) -> Proof:
    """What showed who the user is; it cannot be used again. A failure is recorded and committed: not to be called in a
    transaction (``try_to_verify`` is). Raises ``InvalidCredentials``, ``RateLimited``, ``NotConfigured``.
    """
    with transaction.atomic(durable=True):
        proof = try_to_verify(user=user, method=method, code=code, credential=credential, context=context)
    if proof is None:
        raise InvalidCredentials(WRONG)
    return proof


def try_to_verify(
    *,
    user: User,
    method: str,
    code: str | None = None,
    credential: Mapping[str, Any] | None = None,
    context: Context,
) -> Proof | None:
    """As ``verify``, in the caller's transaction, which must be committed: None for what is wrong, which is recorded.

    Raises ``RateLimited``, ``NotConfigured`` (the server cannot read what it would compare with).
    """
    if not User.objects.select_for_update(no_key=True).filter(id=user.id, is_active=True).exists():
        return None
    asked = _methods.get(method)
    if asked is not None:
        if asked.can_be_guessed:
            attempts.require_chance(user_id=user.id)
        try:
            return asked.check(user=user, code=code, credential=credential, context=context)
        except InvalidCredentials:
            pass
    record(
        SecurityEventType.SECOND_FACTOR_FAILED, user_id=user.id, origin=context.origin, session_id=context.session_id
    )
    return None
