"""Writing security events down, and telling a new device from a known one."""

import ipaddress
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.models import SecurityEvent, SecurityEventType, User
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail

logger = logging.getLogger(__name__)

KEPT = timedelta(days=90)
_FAILURES = (SecurityEventType.LOGIN_FAILED, SecurityEventType.SECOND_FACTOR_FAILED)
_SLOT_SECONDS = 600
# Of each kind, of one account, in a day. More than ``accounts.factors.attempts.A_DAY``, which counts these rows: where
# none is added, nobody may guess any more.
_MOST_FAILURES = 50
_PREFIXES = {4: 24, 6: 48}
# With each of these a session begins; a failed login makes no device known.
_BEGINNINGS = (
    SecurityEventType.REGISTERED,
    SecurityEventType.LOGIN,
    SecurityEventType.PASSWORD_CHANGED,
    SecurityEventType.PASSWORD_RESET,
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. ``ip``: None for a Unix socket and for what is no address."""

    ip: str | None
    user_agent: str

    @property
    def network(self) -> str:
        """What a home or an office keeps when its address changes: the /24, or the /48 of IPv6."""
        if self.ip is None:
            return ""
        address = ipaddress.ip_address(self.ip)
        return str(ipaddress.ip_network((self.ip, _PREFIXES[address.version]), strict=False))


def origin_of(request: HttpRequest) -> Origin:
    return Origin(
        ip=_address(request.META.get("REMOTE_ADDR", "")), user_agent=request.headers.get("User-Agent", "")[:256]
    )


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A server that listens on both kinds of addresses sees those of IPv4 as ``::ffff:192.0.2.7``.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def record(event: SecurityEventType, *, user_id: UUID, origin: Origin | None, session_id: UUID | None = None) -> None:
    """In the transaction of what happened. ``origin``: None for what an operator or a job did.

    Anybody who knows an address can make its login fail, from as many networks as they have: of failed logins the
    first one from a network in each ten minutes is kept. Failed second factors are all kept, since their number says
    whether somebody may still guess (``accounts.factors.attempts``). Of each kind there are ``_MOST_FAILURES`` of an
    account in a day at most. So what strangers do neither fills the table nor hides what happened to the account.
    """
    now = datetime.now(UTC)
    row = SecurityEvent(
        user_id=user_id,
        at=now,
        type=event,
        session_id=session_id,
        ip=origin.ip if origin else None,
        network=origin.network if origin else "",
        user_agent=origin.user_agent if origin else "",
    )
    if event not in _FAILURES:
        row.save(force_insert=True)
        return
    failures = SecurityEvent.objects.for_user(user_id).filter(type=event, at__gt=now - timedelta(days=1))
    if failures.count() >= _MOST_FAILURES:
        logger.warning("an account has many failed logins: no more of today are kept", extra={"user": str(user_id)})
        return
    if event != SecurityEventType.SECOND_FACTOR_FAILED:
        row.slot = int(now.timestamp()) // _SLOT_SECONDS
    try:
        with transaction.atomic():
            SecurityEvent.objects.bulk_create([row], ignore_conflicts=True)
    except IntegrityError:
        return  # the account was erased while its password was compared: of what is gone nothing is kept


def tell_of_new_device(*, user: User, origin: Origin) -> None:
    """A mail, where no session of the account's in the last 90 days began with this user agent from this network. To be
    called before the session that begins now is recorded. Of an account without any such event nothing is known to
    compare with.
    """
    known = SecurityEvent.objects.for_user(user.id).filter(type__in=_BEGINNINGS, at__gt=datetime.now(UTC) - KEPT)
    if not known.exists() or known.filter(user_agent=origin.user_agent, network=origin.network).exists():
        return
    send_mail(
        MailKind.NEW_DEVICE,
        to=user.email,
        locale=user.locale,
        account_id=user.id,
        facts={"user_agent": origin.user_agent, "ip": origin.ip, "at": datetime.now(UTC).isoformat(timespec="seconds")},
    )
