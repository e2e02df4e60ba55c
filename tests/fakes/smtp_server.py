"""A loopback mail server that is what a test makes of it: slow, refusing, encrypted, asking for a password, dying."""

import asyncio
import email
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.ports import held_port

USER, PASSWORD = "adiuva", "canary-smtp-password"


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: list[str]
    content: bytes
    was_encrypted: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        """As a stranger's program reads it."""
        return email.message_from_bytes(self.content, policy=default)


@dataclass
class Certificate:
    """Signed by itself, for 127.0.0.1: good for who is told to trust ``path``."""

    path: Path

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        self.path.write_bytes(
            built.public_bytes(pem)
            + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


@dataclass
class SmtpServer:
    """``answers``: by command (``RCPT``, ``MAIL``, ``DATA``) what is said instead of 250. ``dies_after_data``: the
    message is taken, and the connection is gone before that is said.
    """

    certificate: Certificate | None = None
    is_tls_from_the_start: bool = False
    asks_for_password: bool = False
    takes_utf8: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    dies_after_data: bool = False
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    refused: list[str] = field(default_factory=list)  # recipients, by an answer of a test's own

    def __post_init__(self) -> None:
        self.port = held_port(self)
        self._controller: Controller | None = None

    @property
    def messages(self) -> list[EmailMessage]:
        return [one.message for one in self.received]

    def start(self) -> Self:
        context = self.certificate.context() if self.certificate else None
        options: dict[str, Any] = {"enable_SMTPUTF8": self.takes_utf8, "timeout": 20}
        if self.is_tls_from_the_start:
            options["ssl_context"] = context
        elif context is not None:
            options["tls_context"] = context
        if self.asks_for_password:
            options |= {
                "auth_required": context is not None,  # aiosmtpd refuses to ask for one in the clear
                "auth_require_tls": context is not None and not self.is_tls_from_the_start,
                "authenticator": _authenticate,
            }
        self._controller = Controller(_Handler(self), hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()
        self.connections = 0  # the controller tries its own server
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False, auth_data=data)


class _Handler:
    def __init__(self, owner: SmtpServer) -> None:
        self.owner = owner

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.owner.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.owner.answers:
            return self.owner.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.owner.answers:
            self.owner.refused.append(address)
            return self.owner.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.owner.answers:
            return self.owner.answers["DATA"]
        login: Any = session.auth_data
        content = envelope.content
        assert isinstance(content, bytes)
        self.owner.received.append(
            Received(
                sender=envelope.mail_from or "",
                recipients=list(envelope.rcpt_tos),
                content=content,
                was_encrypted=session.ssl is not None or self.owner.is_tls_from_the_start,
                user=login.login.decode() if isinstance(login, LoginPassword) else "",
            )
        )
        if self.owner.dies_after_data:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            await asyncio.sleep(0)
        return "250 OK"


class HangingServer:
    """Takes connections and never says a word."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        return len(self._taken)

    def _take(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            self._taken.append(taken)

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for one in self._taken:
            one.close()
