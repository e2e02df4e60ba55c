"""How the stub's events get to us: signed as Stripe signs them, through the very code of its webhook."""

from django.conf import settings

from billing.stripe import webhook
from billing.stripe.stub import objects
from billing.stripe.stub.objects import JsonObject


def deliver(event_id: str, kind: str, about: JsonObject, *, created: int) -> None:
    """An id that was delivered before changes nothing."""
    body, secret = objects.event(event_id, kind, about, created=created), settings.STRIPE_STUB_SECRET
    webhook.receive(body=body, signature=objects.signature(body, secret), secret=secret)
