"""Getting a developer to where Stripe can pay them: one Connect account a user, a new link each time.

Also what the browser sees around Stripe's own pages: where Stripe sends it back to, and the stub that stands in for
them while there is no key to Stripe.
"""

from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from billing.pages import is_from_here, message, page
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.port import STUB_ACCOUNT_PREFIX, Gateway
from billing.stripe.stub.objects import account_of
from billing.stripe.stub.purchases import complete_onboarding
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
    if known is not None and (is_stubbed() or not known.stripe_account_id.startswith(STUB_ACCOUNT_PREFIX)):
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


@require_safe
@never_cache
def show_done(request: HttpRequest) -> HttpResponse:
    text = "Stripe checks what you told it. Your share of what you sell is paid out as soon as it is done."
    return message(request, "Thank you", text, is_good=True)


@require_safe
@never_cache
def again(request: HttpRequest) -> HttpResponse:
    text = "This address worked once, or for a few minutes. Start again in Adiuva; what you told Stripe is kept."
    return message(request, "Not finished yet", text)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def stub_onboarding(request: HttpRequest, token: str) -> HttpResponse:
    """404 wherever Stripe is in charge, and always in production. As at Stripe, nobody can guess the address."""
    if not is_stubbed():
        raise Http404
    account_id = account_of(token)
    account = DeveloperAccount.objects.filter(stripe_account_id=account_id).first() if account_id else None
    if account is None:
        text = "This address belongs to no account, or it is older than a day. Start again in Adiuva."
        return message(request, "No such account", text, status=404)
    if account.payouts_enabled:
        return message(request, "You can be paid", "You can close this page and go back to Adiuva.", is_good=True)
    if request.method == "POST":
        if not is_from_here(request):
            return message(request, "Not from here", "Open the page in this browser and try again.", status=403)
        complete_onboarding(account.stripe_account_id)
        return HttpResponseRedirect(request.path)
    return page(request, "marketplace/onboarding_stub.html", {"title": "Get paid for your plugins"})


urlpatterns = [
    path("onboarding/done", show_done, name="onboarding-done"),
    path("onboarding/again", again, name="onboarding-again"),
    path("onboarding/stub/<str:token>", stub_onboarding, name="onboarding-stub"),
]
