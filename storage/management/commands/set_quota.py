from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from accounts.models import User
from adiuva.byte_sizes import parse_bytes, show_bytes
from adiuva.commands import OperatorCommand
from storage.quota import Kind, set_limits

BYTES_HELP = "as 1073741824, 1GiB (1024^3) or 1GB (1000^3); 0 allows nothing"


class Command(OperatorCommand):
    help = (
        "Gives the account with this email limits of its own, whatever its tier's are, from its next request on. "
        "What is stored already stays, also over a lower limit: it can be read, and shrink."
    )
    examples: ClassVar = {
        "set_quota you@example.com --storage 20GiB": "records and vectors; backups as they were",
        "set_quota you@example.com --backup 0": "no more backups",
        "set_quota you@example.com --clear": "back to the limits of the tier",
    }
    troubles: ClassVar = "there is no such account, or no such amount; nothing was changed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="of an existing account; upper or lower case")
        parser.add_argument("--storage", metavar="BYTES", help=f"for records and vectors, {BYTES_HELP}")
        parser.add_argument("--backup", metavar="BYTES", help=f"for backups, {BYTES_HELP}")
        parser.add_argument("--clear", action="store_true", help="back to the tier's, whichever is not named here")

    def handle(self, *, email: str, storage: str | None, backup: str | None, clear: bool, **_options: Any) -> None:
        limits: dict[Kind, int | None] = dict.fromkeys(Kind) if clear else {}
        try:
            limits |= {
                kind: parse_bytes(text)
                for kind, text in {Kind.STORAGE: storage, Kind.BACKUP: backup}.items()
                if text is not None
            }
            if not limits:
                raise CommandError("nothing to set: name --storage, --backup or --clear")
            user = User.objects.get_by_natural_key(email)
            changed = set_limits(user=user, limits=limits)
        except ValueError as error:
            raise CommandError(str(error)) from None
        except User.DoesNotExist:
            raise CommandError(f"no account has the email {email!r}") from None
        for kind, (before, after) in changed.items():
            self.stdout.write(f"{user.email}: {kind} {_show_limit(before)} -> {_show_limit(after)}")


def _show_limit(limit: int | None) -> str:
    return "unlimited" if limit is None else f"{show_bytes(limit)} ({limit} bytes)"
