import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.core.management.base import CommandError

from adiuva.api.errors import Problem
from adiuva.commands import OperatorCommand, Progress
from billing.revenue.comparison import RevenueComparison
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.sync import StripeSync


class Command(OperatorCommand):
    help = (
        "Compares every subscription, and the revenue of this month and the last one, with Stripe and says where they "
        "differ; safe beside running servers. "
        "A tier that an operator set is no difference. Exit code 1 when something differs, or is left to a person."
    )
    examples: ClassVar = {
        "sync_stripe": "only say what differs",
        "sync_stripe --fix": "and take over what Stripe says, of money too",
    }
    troubles: ClassVar = "something differs and is left, Stripe does not answer, or there is no key"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="take over what Stripe says, and end subscriptions that a newer one of the same customer replaces. "
            "A subscription that Stripe does not know is left as it is: the key may be another account's.",
        )

    def handle(self, *, fix: bool, **_options: Any) -> None:
        if is_stubbed():
            raise CommandError("there is no STRIPE_SECRET_KEY: nothing to compare with")
        try:
            with Progress(sys.stderr, "subscriptions at Stripe") as progress:
                run = StripeSync(get_gateway(), step=progress.step)
                say = progress.above(self.stdout.write)
                for difference in run.differences(fix=fix):
                    say(str(difference))
            with Progress(sys.stderr, "movements of money at Stripe") as progress:
                money = RevenueComparison(get_gateway(), now=datetime.now(UTC), step=progress.step)
                say = progress.above(self.stdout.write)
                for movement in money.differences(fix=fix):
                    say(str(movement))
        except Problem as problem:
            raise CommandError(f"stopped: {problem.detail}") from None
        for line in money.lines():
            self.stdout.write(line)
        self.stdout.write(f"{money.differing} movements of money differ, {money.fixed} fixed")
        self.stdout.write(
            f"{run.subscriptions} subscriptions at Stripe, {run.customers} customers here: "
            f"{run.drifted} differ, {run.fixed} fixed"
        )
        left = run.drifted - run.fixed + money.differing - money.fixed
        if left > 0:
            raise CommandError(f"{left} left; see above")
