"""Mails of a development server: a file each in ``settings.MAIL_DIR``, which ``/dev/mail`` shows.

A name is ``<when it was written, UTC>_<account or nobody>_<mail>.eml``, so that an account's files can be found again.
"""

import email
import os
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage as ParsedMessage
from email.policy import default
from email.utils import getaddresses
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from adiuva.spelling import address_key

MOST_FILES = 500  # the oldest go
NAME = re.compile(r"\d{8}T\d{12}_(?P<account>nobody|[0-9a-f-]{36})_(?P<mail>[0-9a-f-]{36})\.eml")


@dataclass(frozen=True, slots=True)
class MailFile:
    path: Path
    account: str
    mail: str

    @property
    def written_at(self) -> datetime:
        return datetime.strptime(self.path.name.partition("_")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)

    def read(self) -> ParsedMessage:
        return email.message_from_bytes(self.path.read_bytes(), policy=default)


class FileBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            mail_id, account_id = getattr(message, "mail_id", None), getattr(message, "account_id", None)
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}_{account_id or 'nobody'}_{mail_id or UUID(int=0)}.eml"
            _write(folder=Path(settings.MAIL_DIR), name=name, content=message.message().as_bytes())
        for old in list_files()[MOST_FILES:]:
            old.path.unlink(missing_ok=True)
        return len(email_messages)


def _write(*, folder: Path, name: str, content: bytes) -> None:
    """Whole or not at all, for its owner's eyes only: it holds links that open an account."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{secrets.token_hex(8)}"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        draft.rename(folder / name)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def list_files() -> list[MailFile]:
    """The newest first."""
    folder = Path(settings.MAIL_DIR)
    paths = sorted(folder.glob("*.eml"), key=lambda path: path.name, reverse=True) if folder.is_dir() else []
    found = ((path, NAME.fullmatch(path.name)) for path in paths)
    return [MailFile(path, match["account"], match["mail"]) for path, match in found if match]


def find_file(mail_id: UUID) -> MailFile | None:
    """The last try of a mail."""
    return next((file for file in list_files() if file.mail == str(mail_id)), None)


def forget_files(*, account_id: UUID, mail_ids: Collection[UUID], address_keys: Collection[str]) -> None:
    """Deletes the files of an account's mails, of these mails, and of all to these addresses (as compared)."""
    mails = {str(mail_id) for mail_id in mail_ids}
    for file in list_files():
        if file.account == str(account_id) or file.mail in mails or _is_to(file, address_keys):
            file.path.unlink(missing_ok=True)


def _is_to(file: MailFile, address_keys: Collection[str]) -> bool:
    if not address_keys:
        return False
    try:
        message = file.read()
    except FileNotFoundError:
        return False
    return any(address_key(address) in address_keys for _, address in getaddresses(message.get_all("To", [])))
