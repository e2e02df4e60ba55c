"""What a developer, their account at Stripe and the operator's alerts say of each other."""

from collections.abc import Callable
from typing import Any

from billing.models import OperatorAlert
from marketplace.models import RevenueEvent
from marketplace.payouts.transfers import Outcome, run
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account
from tests.support.client import ApiClient

Deliver = Callable[..., None]

NONE: dict[str, Any] = {"state": "none", "requirements": [], "disabled_reason": None}
READY: dict[str, Any] = {"state": "ready", "requirements": [], "disabled_reason": None}
DOCUMENT = "individual.verification.document"
PAST_DUE = "requirements.past_due"
RESTRICTED: dict[str, Any] = {"state": "restricted", "requirements": [DOCUMENT], "disabled_reason": PAST_DUE}


def onboarding(account: Account) -> Any:
    answer = ApiClient().get("plugins/onboarding", token=account.access_token)
    assert answer.status == 200, answer
    return answer.json


def begin(account: Account) -> None:
    answer = ApiClient().post("plugins/onboarding", token=account.access_token)
    assert answer.status == 200, answer


def open_alerts() -> list[tuple[str, str]]:
    return list(OperatorAlert.objects.filter(resolved_at=None).values_list("kind", "reference"))


def sell(stripe_server: LoopbackStripe, developer: Account) -> RevenueEvent:
    sold = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sold), cents=499)
    stripe_server.undelivered()
    return sold


def sell_and_be_refused(stripe_server: LoopbackStripe, developer: Account, account_id: str) -> RevenueEvent:
    """The restriction of the account is first heard of by the refusal of the payout."""
    sold = sell(stripe_server, developer)
    stripe_server.restrict(account_id, disabled_reason=PAST_DUE, due=[DOCUMENT])
    stripe_server.undelivered()
    assert run(sold.transfers.get().pk) is Outcome.FAILED
    return sold
