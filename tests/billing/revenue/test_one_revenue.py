"""The dashboard, the metrics and ``manage.py sync_stripe`` tell one revenue, and it is what Stripe has."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from adiuva.observability import probes
from billing import jobs
from billing.models import OperatorAlert
from billing.revenue.models import InvoicePayment, PaidInvoice, ReturnedMoney, SubscriptionPayment
from tests.adiuva.dashboard.dashboard_page import card, items, the_list
from tests.billing.deliveries import receive
from tests.billing.revenue.invoices import sums
from tests.fakes.stripe import money, objects, subscriptions
from tests.fakes.stripe.world import JsonObject
from tests.fakes.stripe_server import LoopbackStripe

pytestmark = pytest.mark.django_db
Capture = pytest.CaptureFixture[str]

# What our prices have earned once everything of the story has happened.
EUR, USD, JPY = 900 + 900 + 4900 - 300 - 900, 2000 - 500, 1200
TOLD = "€55.00 + ¥1,200 + $15.00"


class Story:
    """An account that has other products, and three currencies."""

    def __init__(self, stripe: LoopbackStripe) -> None:
        self.stripe, self.world = stripe, stripe.world
        self.prices = {
            name: stripe.sell(name, cents=cents, currency=currency)
            for name, cents, currency in (
                ("price_pro_usd", 2000, "usd"),
                ("price_pro_jpy", 1200, "jpy"),
                ("price_add_on", 1000, "eur"),
                ("price_of_another_product", 1_500_000, "eur"),
            )
        } | {one["id"]: one for one in self.world.all("price")}

    def customer(self, *, is_ours: bool = True) -> str:
        email = f"payer-{len(self.world.all('customer'))}@example.com"
        made = self.world.add("customer", objects.customer(self.world, {"email": email}))
        if is_ours:
            User.objects.create(email=email, password="!", stripe_customer_id=made["id"])
        return str(made["id"])

    def buy(self, *names: str, is_ours: bool = True) -> str:
        """The id of the first invoice."""
        customer_id = self.customer(is_ours=is_ours)
        prices = [(self.prices[name], 1) for name in names]
        made = subscriptions.start(self.world, customer_id=customer_id, prices=prices, metadata={})
        return str(made["latest_invoice"])

    def happen(self) -> None:
        """Two months of pro in euros, of which one is disputed and lost, and one of team with a part refunded; others
        in dollars and yen; a product of somebody else's, and one beside ours on an invoice.
        """
        lost = self.stripe.dispute(self.buy("price_pro_monthly"))
        self.stripe.close_dispute(lost["id"], status="lost")
        won = self.stripe.dispute(self.buy("price_pro_monthly"))
        self.stripe.close_dispute(won["id"], status="won")
        team = self.buy("price_team_monthly", "price_add_on")
        self.stripe.refund(team, cents=362)  # 300 of it ours: 49 of 59 euros
        self.stripe.refund(self.buy("price_pro_usd"), cents=500)
        failed = self.stripe.refund(self.buy("price_pro_jpy"))
        self.stripe.fail_refund(failed["id"])
        others = self.buy("price_of_another_product", is_ours=False)
        self.stripe.refund(others, cents=10)
        self.stripe.dispute(others)

    def tell(self) -> None:
        for event in self.stripe.undelivered():
            receive(event)


@pytest.fixture
def story(stripe_server: LoopbackStripe, settings: Any) -> Story:
    pro = (*settings.STRIPE_PRICES["pro"], "price_pro_usd", "price_pro_jpy")
    settings.STRIPE_PRICES = {**settings.STRIPE_PRICES, "pro": pro}
    return Story(stripe_server)


def synced(capsys: Capture, *options: str) -> tuple[str, str]:
    """This month's revenue here and at Stripe, as the command says it."""
    out = _run(capsys, *options)
    line = next(line for line in out.splitlines() if line.startswith(f"{datetime.now(UTC):%Y-%m}: "))
    told = re.fullmatch(r"[\d-]+: (.+) here, (.+) at Stripe", line)
    assert told is not None
    return told[1], told[2]


def test_all_three_tell_the_same_and_so_does_stripe(story: Story, capsys: Capture) -> None:
    story.happen()
    story.tell()
    assert sums() == {"eur": EUR, "usd": USD, "jpy": JPY}
    read: Callable[[], Any] = probes._gauges["adiuva_subscription_revenue_cents"].read
    of_month: Callable[[], Any] = probes._gauges["adiuva_subscription_revenue_month_cents"].read
    assert read() == of_month() == {"eur": EUR, "usd": USD, "jpy": JPY}

    root = User.objects.create_superuser(email="root@example.com")
    found = items(root)
    (head, _), *_ = card(found, "revenue").heads
    assert head.text == TOLD
    assert the_list(head.href, root).result_count == head.rows
    for slug, cents in (("revenue", EUR), ("revenue-usd", USD), ("revenue-jpy", JPY)):
        figure = card(found, slug).rows[-1].figures[0]
        listed = the_list(figure.href, root).queryset
        assert figure.value == cents == sum(listed.values_list("amount_cents", flat=True))
        assert figure.rows == len(listed)

    assert synced(capsys) == (TOLD, TOLD)
    alerts = OperatorAlert.objects.filter(kind="dispute")
    assert [alert.resolved_at is None for alert in alerts] == [False, False]
    assert not OperatorAlert.objects.exclude(kind="dispute").exists()


def test_what_no_event_told_of_is_a_difference_that_fix_mends(story: Story, capsys: Capture) -> None:
    """All of it: the webhook was away."""
    story.happen()
    assert synced(capsys) == ("€0.00", TOLD)
    assert not SubscriptionPayment.objects.exists()
    call_command("sync_stripe", "--fix")
    out = capsys.readouterr().out
    assert re.search(r"^in_\w+: nothing -> €9\.00 in \d{4}-\d\d$", out, re.MULTILINE)
    assert re.search(r"^du_\w+: nothing -> -€9\.00 in \d{4}-\d\d$", out, re.MULTILINE)
    assert sums() == {"eur": EUR, "usd": USD, "jpy": JPY}
    assert synced(capsys) == (TOLD, TOLD)
    call_command("sync_stripe")


def test_what_was_booked_of_other_products_is_taken_out(story: Story, capsys: Capture) -> None:
    """By an earlier version, which took every invoice for ours."""
    invoice_id = story.buy("price_of_another_product", is_ours=False)
    story.tell()
    now = datetime.now(UTC)
    facts = {"invoice_id": invoice_id, "our_cents": 1_500_000, "paid_cents": 1_500_000, "currency": "eur"}
    PaidInvoice.objects.create(**facts, paid_at=now, is_exact=False)
    row: JsonObject = {"source": invoice_id, "invoice_id": invoice_id, "kind": "payment", "currency": "eur"}
    SubscriptionPayment.objects.create(**row, amount_cents=1_500_000, paid_at=now)
    assert synced(capsys) == ("€15,000.00", "€0.00")
    assert f"{invoice_id}: €15,000.00 in" in _run(capsys, "--fix")
    assert not SubscriptionPayment.objects.exists()


def test_what_stripe_does_not_know_is_reported_and_left(story: Story, capsys: Capture) -> None:
    """With the key of another account everything would look like that."""
    invoice_id = story.buy("price_pro_monthly")
    story.tell()
    del story.world.tables["invoice"][invoice_id]
    assert synced(capsys, "--fix") == ("€9.00", "€0.00")
    assert sums() == {"eur": 900}


def test_a_refund_of_an_invoice_from_long_ago_is_compared_too(story: Story, capsys: Capture) -> None:
    invoice_id = story.buy("price_pro_monthly")
    story.tell()
    long_ago = int(time.time()) - 400 * 24 * 3600
    invoice = story.world.get("invoice", invoice_id)
    invoice |= {"created": long_ago}
    invoice["status_transitions"]["paid_at"] = long_ago
    PaidInvoice.objects.update(paid_at=datetime.fromtimestamp(long_ago, UTC))
    SubscriptionPayment.objects.update(paid_at=datetime.fromtimestamp(long_ago, UTC))
    assert synced(capsys) == ("€0.00", "€0.00")
    story.stripe.refund(invoice_id, cents=400)
    story.stripe.undelivered()
    assert synced(capsys) == ("€0.00", "-€4.00")
    InvoicePayment.objects.all().delete()  # as of a payment that came before there were any
    assert synced(capsys, "--fix") == ("-€4.00", "-€4.00")


def test_what_stood_for_a_tier_when_it_was_paid_is_no_difference_later(
    story: Story, capsys: Capture, settings: Any
) -> None:
    story.buy("price_pro_monthly")
    story.tell()
    settings.STRIPE_PRICES = {**settings.STRIPE_PRICES, "pro": ("price_pro_2027",)}
    assert synced(capsys, "--fix") == ("€9.00", "€9.00")


def test_every_line_of_a_long_invoice_is_looked_at(story: Story, capsys: Capture) -> None:
    invoice = story.world.get("invoice", story.buy("price_pro_monthly"))
    for _ in range(12):
        money.add_line(story.world, invoice, story.prices["price_add_on"])
    invoice["amount_paid"] = 900 + 12_000
    assert synced(capsys, "--fix") == ("€9.00", "€9.00")


def test_the_job_of_every_night_says_it_in_the_log(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    story.buy("price_pro_monthly", is_ours=False)
    story.stripe.undelivered()
    jobs.sync_stripe()
    lines = [vars(record) for record in caplog.records if "revenue differs" in record.message]
    assert [re.sub(r"in_\w+", "in_1", line["difference"]) for line in lines] == [
        f"in_1: nothing -> €9.00 in {datetime.now(UTC):%Y-%m}"
    ]
    assert not ReturnedMoney.objects.exists()


def test_the_months_are_this_one_and_the_one_before(story: Story, capsys: Capture) -> None:
    story.happen()
    story.tell()
    before = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    assert f"{before:%Y-%m}: €0.00 here, €0.00 at Stripe" in _run(capsys)


def _run(capsys: Capture, *options: str) -> str:
    capsys.readouterr()
    with suppress(CommandError):  # something is left
        call_command("sync_stripe", *options)
    return capsys.readouterr().out
