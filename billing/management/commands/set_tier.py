from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from accounts.models import User
from adiuva.commands import OperatorCommand
from billing.entitlements import own_tier_of, tier_of
from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import MOST_SEATS, Tier


class Command(OperatorCommand):
    help = (
        "Gives the account with this email a tier, from its next request on. Nothing changes at Stripe: "
        "an account that pays there keeps paying, and the next event from there may set the tier again."
    )
    examples: ClassVar = {
        "set_tier you@example.com pro": "the next request has it",
        "set_tier you@example.com team --seats 5": "for an organisation of five",
        "set_tier you@example.com free": "back to the free tier",
    }
    troubles: ClassVar = "there is no such account or tier, or seats in another than team; nothing was changed"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="of an existing account; upper or lower case")
        parser.add_argument("tier", metavar="TIER", help=", ".join(Tier))
        parser.add_argument(
            "--seats",
            type=int,
            metavar="N",
            help="how many people team is for, from 1; without it those there are, or else 1",
        )

    def handle(self, *, email: str, tier: str, seats: int | None = None, **_options: Any) -> None:
        try:
            wanted = Tier(tier.lower())
        except ValueError:
            raise CommandError(f"no such tier: {tier!r} (one of: {', '.join(Tier)})") from None
        if seats is not None and wanted is not Tier.TEAM:
            raise CommandError(f"only team has seats: the tier {wanted} is for one person")
        if seats is not None and not 1 <= seats <= MOST_SEATS:
            raise CommandError(f"seats are 1 to {MOST_SEATS}")
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            raise CommandError(f"no account has the email {email!r}") from None
        before = own_tier_of(user)
        set_tier(user=user, tier=wanted, seats=seats)
        row = Subscription.objects.filter(user=user).first()
        given = f"{wanted}, seats: {row.seats}" if row is not None and wanted is Tier.TEAM else wanted
        self.stdout.write(f"{user.email}: {before} -> {given}")
        if tier_of(user) is not wanted:
            self.stderr.write("note: their organisation goes on giving them team")
        if row is not None and row.stripe_subscription_id:
            self.stderr.write(f"note: {row.stripe_subscription_id} at Stripe is as it was")
