"""What apps add to a mail at the moment it is sent."""

from collections.abc import Callable, Mapping
from uuid import UUID

from adiuva.mail.kinds import MailKind

Fact = str | int | None
# From a mail's account and facts to what its text needs beside them, a link with a new token above all; None when there
# is no use in the mail any more. Runs when the mail is sent, in a transaction of its own, once for each try.
Compose = Callable[[UUID | None, Mapping[str, Fact]], Mapping[str, Fact] | None]

_composers: dict[MailKind, Compose] = {}


def register_composer(kind: MailKind, compose: Compose) -> None:
    _composers[kind] = compose


def composer_of(kind: MailKind) -> Compose | None:
    return _composers.get(kind)
