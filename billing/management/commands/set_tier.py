from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from accounts.models import User
from adiuva.commands import OperatorCommand
from billing.entitlements import tier_of
from billing.subscriptions import set_tier
from billing.tiers import Tier


class Command(OperatorCommand):
    help = (
        "Gives the account with this email a tier, from its next request on. Nothing changes at Stripe: "
        "an account that pays there keeps paying, and the next event from there may set the tier again."
    )
    examples: ClassVar = {
        "set_tier you@example.com pro": "the next request has it",
        "set_tier you@example.com free": "back to the free tier",
    }
    troubles: ClassVar = "there is no such account or tier; nothing was changed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="of an existing account; upper or lower case")
        parser.add_argument("tier", metavar="TIER", help=", ".join(Tier))

    def handle(self, *, email: str, tier: str, **_options: Any) -> None:
        try:
            wanted = Tier(tier.lower())
        except ValueError:
            raise CommandError(f"no such tier: {tier!r} (one of: {', '.join(Tier)})") from None
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"no account has the email {email!r}") from None
        before = tier_of(user)
        set_tier(user=user, tier=wanted)
        self.stdout.write(f"{user.email}: {before} -> {wanted}")
        linked = getattr(user, "subscription", None)
        if linked is not None and linked.stripe_subscription_id:
            self.stderr.write(f"note: {linked.stripe_subscription_id} at Stripe is as it was")
