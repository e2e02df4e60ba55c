"""An account with a row in every table of accounts, whatever its columns are about."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from accounts.models import (
    AccountExport,
    EmailChange,
    Factor,
    KeyEnvelope,
    KeyRequest,
    LoginChallenge,
    MailToken,
    RecoveryCode,
    SecurityEvent,
    User,
)
from accounts.organizations.models import Identity, SsoSession
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail
from marketplace.models import PluginReport, PluginVersion, ReviewClaim, ReviewMessage
from tests.marketplace.purchases.actions import publish
from tests.support.organizations import fill_organization

DAY = timedelta(days=1)
MARK = "trace-of-somebody"  # in every row, as far as a column takes it


def fill_every_table(user: User) -> None:
    """Its session and tokens are there already. It is alone in an organisation."""
    now = datetime.now(UTC)
    age = {"created_at": now, "expires_at": now + DAY}
    change = EmailChange.objects.create(
        user=user, old_email=user.email, new_email=f"{MARK}@new.example", requested_at=now
    )
    for purpose in ("change", "undo"):
        token_hash = f"{MARK}-{purpose}-{user.id}"
        MailToken.objects.create(
            user=user, purpose=purpose, token_hash=token_hash, email=user.email, email_change=change, **age
        )
    Factor.objects.create(user=user, type="totp", name=MARK, sealed_secret=MARK, created_at=now, confirmed_at=now)
    RecoveryCode.objects.create(user=user, code_hash=MARK, created_at=now)
    LoginChallenge.objects.create(user=user, purpose="login", **age)
    KeyEnvelope.objects.create(
        user=user, kind="device", ref=MARK, blob=MARK.encode(), checksum="0" * 64, key_id=MARK, created_at=now,
        updated_at=now,
    )  # fmt: skip
    KeyRequest.objects.create(user=user, session_id=uuid4(), public_key=MARK.encode(), device_name=MARK, **age)
    SecurityEvent.objects.create(user=user, at=now, type="logout", user_agent=MARK)
    AccountExport.objects.create(user=user, started_at=now, documents=MARK.encode(), etag=MARK)
    organization = fill_organization("Acme", owner=user, mark=MARK, invited=f"{MARK}-{user.id}@example.com")
    identity = Identity.objects.get(connection__organization=organization)
    SsoSession.objects.create(
        session=user.sessions.all()[0], identity=identity, provider_session_id=MARK, authenticated_at=now
    )
    _fill_desk(user, now)
    send_mail(MailKind.PASSWORD_CHANGED, to=user.email, locale="en", account_id=user.id, facts={"at": MARK})


def _fill_desk(user: User, now: datetime) -> None:
    """What a person leaves at the reviewers' desk, about somebody else's plugin; texts stay when they go."""
    plugin = publish()
    version = PluginVersion.objects.create(
        plugin=plugin, version="1.0.0", manifest={}, s3_key=plugin.pk, checksum="0" * 64, size_bytes=1, submitted_at=now
    )
    ReviewClaim.objects.create(version=version, reviewer=user, claimed_at=now, lapses_at=now + DAY)
    ReviewMessage.objects.create(version=version, side="note", writer=user, text="Seen.", written_at=now)
    about = {"plugin": plugin, "user": user, "version": "1.0.0", "reason": "broken", "reported_at": now}
    PluginReport.objects.create(text="It is open.", **about)
    PluginReport.objects.create(text=MARK, closed_at=now, outcome="dismissed", **about)
