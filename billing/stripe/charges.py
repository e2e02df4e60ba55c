"""Which payment a charge belongs to, from what Stripe has told us: people know their charge, we keep their payment."""

from djstripe import models as mirror


def find_payments_of_charge(charge_id: str) -> list[str]:
    """Their ids, none or one. Reads the stored events without an index: for a person who searches, and no route."""
    paid = mirror.Event.objects.filter(type="payment_intent.succeeded", data__object__latest_charge=charge_id)
    return list(paid.values_list("data__object__id", flat=True).distinct()[:1])
