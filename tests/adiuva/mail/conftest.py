import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adiuva.mail import composers, sending
from adiuva.mail.composers import Fact
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from adiuva.spelling import address_key
from tests.fakes.smtp_server import Certificate, SmtpServer

Send = Callable[..., OutgoingMail]


@pytest.fixture(autouse=True)
def _no_server_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before has found out about its server."""
    monkeypatch.setattr(sending, "_left_alone_until", 0.0)


@pytest.fixture(autouse=True)
def _mails_are_as_they_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other rooms add to theirs, or drop for, is for their own tests."""
    monkeypatch.setattr(composers, "_composers", {})


@pytest.fixture
def use_smtp(settings: Any) -> Callable[..., None]:
    """``use_smtp(port)``: mails go to a server on loopback from here on."""

    def use(port: int, *, is_tls: bool = False, user: str = "", password: str = "", seconds: float = 20) -> None:
        settings.EMAIL_URL = f"smtp{'s' if is_tls else ''}://127.0.0.1:{port}"
        settings.EMAIL_BACKEND = "adiuva.mail.backends.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_SSL = "127.0.0.1", port, is_tls
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = user, password
        settings.EMAIL_TIMEOUT = seconds

    return use


@pytest.fixture
def smtp(use_smtp: Callable[..., None]) -> Iterator[SmtpServer]:
    """A plain server, in use."""
    with SmtpServer() as server:
        use_smtp(server.port)
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path / "server.pem")


@pytest.fixture
def write() -> Callable[..., OutgoingMail]:
    """A row that waits, and no job."""

    def write_row(
        kind: MailKind = MailKind.PASSWORD_CHANGED,
        *,
        to: str = "ada@example.com",
        locale: str = "en",
        account_id: uuid.UUID | None = None,
        facts: Mapping[str, Fact] | None = None,
        age: timedelta = timedelta(0),
    ) -> OutgoingMail:
        at = datetime.now(UTC) - age
        return OutgoingMail.objects.create(
            kind=kind,
            account_id=account_id,
            recipient=to,
            address_key=address_key(to),
            locale=locale,
            facts=dict(facts or {}),
            created_at=at,
            next_try_at=at,
        )

    return write_row
