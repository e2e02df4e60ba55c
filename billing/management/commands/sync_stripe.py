import sys
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from adiuva.api.errors import Problem
from adiuva.commands import OperatorCommand, Progress
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.sync import StripeSync


class Command(OperatorCommand):
    help = (
        "Compares every subscription with Stripe and says where they differ; safe beside running servers. "
        "A tier that an operator set is no difference. Exit code 1 when something differs, or is left to a person."
    )
    examples: ClassVar = {
        "sync_stripe": "only say what differs",
        "sync_stripe --fix": "and take over what Stripe says",
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
        except Problem as problem:
            raise CommandError(f"stopped: {problem.detail}") from None
        self.stdout.write(
            f"{run.subscriptions} subscriptions at Stripe, {run.customers} customers here: "
            f"{run.drifted} differ, {run.fixed} fixed"
        )
        if run.drifted > run.fixed:
            raise CommandError(f"{run.drifted - run.fixed} left; see above")
