"""Mail by SMTP, with TLS wherever the server offers it.

``smtp://`` takes STARTTLS where it is offered (RFC 7435: better unauthenticated than in the clear), ``smtps://`` is TLS
from the first byte. Where a password is sent the certificate has to be good, and without TLS none is sent but to this
machine: Django's own backend would log in in the clear, or fail where STARTTLS is not offered.
"""

import email
import ipaddress
import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from adiuva.mail.refusals import MailRefused, MailServerAway, NotSent
from adiuva.spelling import wire_address

logger = logging.getLogger(__name__)

# What smtplib raises beside its own: time-outs, refused connections, TLS, a password that is not ASCII.
_TROUBLE = (smtplib.SMTPException, OSError, UnicodeError)
SHUT_DOWN = 421  # any command may be answered so
PERMANENT = range(500, 600)


class SmtpBackend(BaseEmailBackend):
    """A connection for each call. Raises ``MailServerAway``, ``NotSent`` or ``MailRefused``, whatever
    ``fail_silently`` says.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        if not email_messages:
            return 0
        with connect() as server:
            for message in email_messages:
                _send(server, message)
        return len(email_messages)


@contextmanager
def connect() -> Iterator[smtplib.SMTP]:
    """A session that is ready for mail: greeted, encrypted and logged in as far as that is due. Raises
    ``MailServerAway``. How it ends is of no interest: what was taken has been taken.
    """
    server = None
    try:
        try:
            server = _open()
            _encrypt(server)
            _log_in(server)
        except _TROUBLE as error:
            raise _away(error) from None  # its text may quote what was sent
        yield server
    finally:
        if server is not None:
            with suppress(*_TROUBLE):
                server.quit()
            server.close()


def _open() -> smtplib.SMTP:
    # smtplib would ask the resolver for a name of this machine, and wait for it.
    name = wire_address(parseaddr(settings.DEFAULT_FROM_EMAIL)[1]).rpartition("@")[2] or "localhost"
    if settings.EMAIL_USE_SSL:
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.EMAIL_HOST,
            settings.EMAIL_PORT,
            local_hostname=name,
            timeout=settings.EMAIL_TIMEOUT,
            context=context,
        )
    else:
        server = smtplib.SMTP(
            settings.EMAIL_HOST, settings.EMAIL_PORT, local_hostname=name, timeout=settings.EMAIL_TIMEOUT
        )
    return server


def _encrypt(server: smtplib.SMTP) -> None:
    server.ehlo_or_helo_if_needed()
    if settings.EMAIL_USE_SSL or not server.has_extn("starttls"):
        return
    context = ssl.create_default_context()
    if not settings.EMAIL_HOST_USER:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    server.starttls(context=context)
    server.ehlo()


def _log_in(server: smtplib.SMTP) -> None:
    if not settings.EMAIL_HOST_USER:
        return
    if not isinstance(server.sock, ssl.SSLSocket) and not _is_this_machine(server):
        raise MailServerAway("a password is not sent without TLS")
    server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)


def _is_this_machine(server: smtplib.SMTP) -> bool:
    peer = server.sock.getpeername() if server.sock else None
    return isinstance(peer, tuple) and ipaddress.ip_address(peer[0].partition("%")[0]).is_loopback


def _away(error: Exception) -> MailServerAway:
    code = getattr(error, "smtp_code", None)
    return MailServerAway(type(error).__name__, code=code if isinstance(code, int) else None)


def _send(server: smtplib.SMTP, message: EmailMessage) -> None:
    [recipient] = message.recipients()
    try:
        to, sender = wire_address(recipient), wire_address(parseaddr(message.from_email)[1])
    except ValueError:
        raise MailRefused("the domain of the address is none") from None
    policy, options = SMTP, list[str]()
    if not to.isascii():
        if not server.has_extn("smtputf8"):
            raise MailRefused("the server takes no address with other than ASCII letters")
        policy, options = SMTPUTF8, ["SMTPUTF8", "BODY=8BITMIME"]
    content = email.message_from_bytes(message.message().as_bytes(), policy=policy)
    # Django knows an older IDNA and encodes what is before the @ like a word.
    content.replace_header("To", to)
    try:
        server.sendmail(sender, [to], content.as_bytes(policy=policy), mail_options=options)
    except smtplib.SMTPRecipientsRefused as error:
        [(code, _)] = error.recipients.values()
        raise _verdict("the recipient was refused", code) from None
    except smtplib.SMTPSenderRefused as error:
        # Of a sender, whatever the code: the operator can mend it, and no mail would get further.
        raise MailServerAway("the sender was refused", code=error.smtp_code) from None
    except smtplib.SMTPDataError as error:
        raise _verdict("the message was refused", error.smtp_code, is_about_recipient=False) from None
    except _TROUBLE as error:
        raise _away(error) from None


def _verdict(what: str, code: int, *, is_about_recipient: bool = True) -> NotSent | MailRefused:
    if code in PERMANENT:
        return MailRefused(what, code=code, is_about_recipient=is_about_recipient)
    return MailServerAway(what, code=code) if code == SHUT_DOWN else NotSent(what, code=code)
