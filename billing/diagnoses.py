"""What doctor says of Stripe, and of what waits for a person."""

from django.conf import settings

from adiuva.observability import clocks, diagnosis
from adiuva.observability.diagnosis import Finding, Orders
from billing.models import OperatorAlert
from billing.stripe_gateway import get_gateway, is_stubbed

STRIPE = "https://api.stripe.com"
TEST_KEYS = ("sk_test_", "rk_test_")


def stripe(_orders: Orders) -> Finding:
    if is_stubbed():
        return Finding("ok", "played by a stub (no STRIPE_SECRET_KEY); no money moves")
    if not settings.STRIPE_SECRET_KEY:
        return Finding("warn", "no STRIPE_SECRET_KEY: nothing can be bought (503)")
    next(iter(get_gateway().list_subscriptions()), None)  # the cheapest question that needs the key
    lacking = [
        name for name in ("STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET") if not getattr(settings, name)
    ]
    if "STRIPE_WEBHOOK_SECRET" in lacking:
        return Finding("fail", f"takes the key, but without {' and '.join(lacking)} who pays gets no tier")
    if settings.IS_PROD and settings.STRIPE_SECRET_KEY.startswith(TEST_KEYS):
        return Finding("warn", "takes the key, which is one for tests: no money moves")
    if lacking:
        return Finding(
            "warn", f"takes the key; without {lacking[0]} developers' accounts are only asked about, never told of"
        )
    return Finding("ok", "takes the key; both webhook secrets are set")


def alerts(_orders: Orders) -> Finding:
    unresolved = OperatorAlert.objects.filter(resolved_at=None)
    kinds = sorted(set(unresolved.values_list("kind", flat=True)))
    if not kinds:
        return Finding("ok", "none is open")
    return Finding("warn", f"{unresolved.count()} open ({', '.join(kinds)}): see /admin/billing/operatoralert/")


def register() -> None:
    diagnosis.register("stripe", stripe)
    diagnosis.register("alerts", alerts)
    clocks.register(
        "Stripe",
        lambda: (lambda: clocks.http_date(settings.STRIPE_API_BASE or STRIPE)) if settings.STRIPE_SECRET_KEY else None,
    )
