"""Getting a developer to where Stripe can pay them: one Connect account for each user, a new link each time."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from billing.stripe.port import Gateway, get_gateway, is_stubbed
from billing.stripe.stub.connect import ACCOUNT_PREFIX
from marketplace.locks import lock_open_user
from marketplace.models import DeveloperAccount
from marketplace.payouts.transfers import open_transfers


def begin_onboarding(*, user: User) -> str:
    """The address at which Stripe asks ``user`` what it has to know; it works once, for minutes.

    Raises:
        NotConfigured: production without a key to Stripe.
        Conflict: the account is being deleted.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again is safe.
    """
    gateway = get_gateway()
    return gateway.create_account_link(
        _account_of(gateway, user),
        return_url=f"{settings.PUBLIC_URL}/plugins/onboarding/done",
        refresh_url=f"{settings.PUBLIC_URL}/plugins/onboarding/again",
    )


def _account_of(gateway: Gateway, user: User) -> str:
    """However many ask at once, there is one: Stripe makes one for the key, and we keep one row."""
    known = DeveloperAccount.objects.filter(user=user).first()
    # The stub's accounts are worth nothing to Stripe, once there is a key to it.
    if known is not None and (is_stubbed() or not known.stripe_account_id.startswith(ACCOUNT_PREFIX)):
        return known.stripe_account_id
    account_id = gateway.create_connect_account(user_id=str(user.pk))
    with transaction.atomic():
        lock_open_user(user.pk)
        DeveloperAccount.objects.update_or_create(
            user=user,
            defaults={"stripe_account_id": account_id},
            create_defaults={"stripe_account_id": account_id, "created_at": datetime.now(UTC)},
        )
    return account_id


def refresh_accounts(gateway: Gateway) -> None:
    """Asks about those that money waits for and that cannot be paid, as far as we have heard.

    Raises the gateway's problems.
    """
    waiting = DeveloperAccount.objects.filter(
        payouts_enabled=False, user__in=open_transfers().filter(reverses=None).values("revenue_event__developer")
    )
    for account_id in waiting.values_list("stripe_account_id", flat=True):
        found = gateway.retrieve_account(account_id)
        if found is not None and found.payouts_enabled:
            DeveloperAccount.objects.filter(stripe_account_id=account_id).update(payouts_enabled=True)
