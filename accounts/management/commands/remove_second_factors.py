from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from accounts.factors.service import remove_all_factors
from accounts.models import Factor, User
from adiuva.commands import OperatorCommand


class Command(OperatorCommand):
    help = (
        "Removes every second factor and recovery code of the account with this email, for somebody who has lost them "
        "all: the password alone opens the account afterwards, so make sure who is asking. It is written down among "
        "the account's security events, and a mail tells its owner. Asks before it does anything."
    )
    examples: ClassVar = {
        "remove_second_factors you@example.com": "shows what there is, and asks",
        "remove_second_factors you@example.com --yes": "asks nothing",
    }
    troubles: ClassVar = "there is no such account, or you did not say yes; nothing was changed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="of an existing account; upper or lower case")
        parser.add_argument("--yes", action="store_true", help="without asking")

    def handle(self, *, email: str, yes: bool, **_options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"no account has the email {email!r}") from None
        held = list(Factor.objects.for_user(user.id).confirmed())
        if held and not yes:
            self._ask(user, held)
        removed = remove_all_factors(user_id=user.id)
        named = ", ".join(f"{factor.type} ({factor.name})" for factor in removed)
        self.stdout.write(f"{user.email}: {f'removed {named}' if removed else 'has no second factor'}")

    def _ask(self, user: User, held: list[Factor]) -> None:
        for factor in held:
            last = f"last used {factor.last_used_at:%Y-%m-%d}" if factor.last_used_at else "never used"
            self.stdout.write(f"{factor.type}: {factor.name}, added {factor.created_at:%Y-%m-%d}, {last}")
        try:
            answer = input(f"Type the email of the account ({user.email}) to remove them: ")
        except EOFError:
            answer = ""
        if answer.strip().lower() != user.email:
            raise CommandError("nothing was removed")
