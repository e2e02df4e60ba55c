"""The mails that were sent in a test: the queue is worked off, then Django's outbox has them."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from django.core import mail

from adiuva.jobs import get_queue
from adiuva.mail.models import OutgoingMail
from adiuva.spelling import address_key

NEVER_WRITTEN = datetime.min.replace(tzinfo=UTC)  # or forgotten since
_TOKEN = re.compile(r"[?&]token=([A-Za-z0-9_-]+)")


def messages_to(address: str) -> list[Any]:
    """In the order in which they were written; those that wait are sent in any. What is due is sent before."""
    get_queue().drain()
    key = address_key(address)
    found = [message for message in mail.outbox if key in map(address_key, message.to)]
    written: dict[Any, datetime] = dict(OutgoingMail.objects.values_list("id", "created_at"))
    return sorted(found, key=lambda message: written.get(getattr(message, "mail_id", None), NEVER_WRITTEN))


def last_message_to(address: str) -> Any:
    messages = messages_to(address)
    assert messages, f"nothing was sent to {address}"
    return messages[-1]


def token_in(message: Any) -> str:
    """The token of the links in a message, which is one and the same."""
    if isinstance(message, EmailMessage):
        part = message.get_body(preferencelist=("plain",))
        assert part is not None
        body = part.get_content()
    else:
        body = message.body
    tokens = set(_TOKEN.findall(body))
    assert len(tokens) == 1, body
    return tokens.pop()
