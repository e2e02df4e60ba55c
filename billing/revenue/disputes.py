"""An operator hears of every dispute of a subscription's payment: it has a deadline, and who misses it loses."""

from adiuva.money import format_money
from billing import alerts
from billing.revenue.models import ReturnedMoney
from billing.stripe.money_objects import DISPUTE_STATES, ENDED_DISPUTE, INQUIRY, OPEN


def tell(dispute: ReturnedMoney, *, invoice_id: str) -> None:
    """Opens its alert, keeps it up to date, and closes it with the outcome. Once an operator has resolved it, only
    news opens it again: another deadline, another amount, an inquiry that became a dispute.
    """
    message = _word(dispute, invoice_id)
    if dispute.told == message:
        return
    was_told, reference = bool(dispute.told), dispute.stripe_id
    if dispute.status not in ENDED_DISPUTE or not was_told:
        alerts.update_alert(alerts.DISPUTE, reference=reference, message=message)
    if dispute.status in ENDED_DISPUTE:
        alerts.resolve(alerts.DISPUTE, reference=reference, outcome=message)
    dispute.told = message
    dispute.save(update_fields=["told"])


def _word(dispute: ReturnedMoney, invoice_id: str) -> str:
    phase, _ = DISPUTE_STATES.get(dispute.status, (OPEN, True))
    what = "An inquiry" if phase == INQUIRY else "A dispute"
    amount, reason = format_money(dispute.amount_cents, dispute.currency), dispute.reason or "no reason given"
    text = f"{what} ({dispute.stripe_id}) over {amount} of the subscription's invoice {invoice_id}: {reason}"
    if dispute.status in ENDED_DISPUTE:
        return f"{text}. It is closed: {dispute.status.removeprefix('warning_')}."
    due = f"{dispute.due_by:%Y-%m-%d %H:%M} UTC" if dispute.due_by is not None else "a time that Stripe does not name"
    return f"{text}. Evidence is due by {due}, in Stripe's dashboard."
