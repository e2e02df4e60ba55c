from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.management.base import CommandError

from accounts.models import User
from adiuva.commands import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Takes the address of the account with this email for verified, as if its owner had followed the link in the "
        "mail: for somebody whom mails do not reach, after you have made sure who they are. Again is no error."
    )
    examples: ClassVar = {"verify_email you@example.com": "they may submit plugins from their next request on"}
    troubles: ClassVar = "there is no such account; nothing was changed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="of an existing account; upper or lower case")

    def handle(self, *, email: str, **_options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"no account has the email {email!r}") from None
        # The address is part of the question: it may be changing in this very moment.
        unverified = User.objects.filter(pk=user.pk, email=user.email, email_verified_at__isnull=True)
        is_new = unverified.update(email_verified_at=datetime.now(UTC), updated_at=datetime.now(UTC)) == 1
        self.stdout.write(f"{user.email}: {'verified' if is_new else 'was verified before'}")
