"""Getting a developer to where Stripe can pay them: one Connect account a user, a new link each time.

Also what the browser sees around Stripe's own pages: where Stripe sends it back to, and the stub that stands in for
them while there is no key to Stripe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from adiuva.api.errors import UpstreamError
from adiuva.pages import is_from_here, message, page
from billing import alerts
from billing.stripe.factory import get_gateway, is_stubbed
from billing.stripe.port import STUB_ACCOUNT_PREFIX, Gateway
from billing.stripe.stub.addresses import account_of
from billing.stripe.stub.purchases import complete_onboarding
from marketplace.locks import lock_open_user
from marketplace.models import DeveloperAccount, OnboardingState
from marketplace.payouts import accounts


def begin_onboarding(*, user: User) -> str:
    """The address at which Stripe asks ``user`` what it has to know; it works once, for minutes.

    Raises:
        NotConfigured: production without a key to Stripe.
        Conflict: the account is being deleted.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: Stripe. Trying again is safe.
    """
    gateway = get_gateway()
    account_id = _account_of(gateway, user)
    try:
        return _link(gateway, account_id)
    except UpstreamError:
        if gateway.retrieve_account(account_id) is not None:
            raise
    # Disconnected or deleted, and nobody has told us: it is no use to them for ever.
    accounts.deauthorize(account_id, at=datetime.now(UTC))
    return _link(gateway, _account_of(gateway, user))


def _link(gateway: Gateway, account_id: str) -> str:
    return gateway.create_account_link(
        account_id,
        return_url=f"{settings.PUBLIC_URL}/plugins/onboarding/done",
        refresh_url=f"{settings.PUBLIC_URL}/plugins/onboarding/again",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    """How far somebody is, as Stripe said last. ``requirements`` are Stripe's names of what is due."""

    state: OnboardingState
    requirements: Sequence[str] = ()
    disabled_reason: str | None = None


def onboarding_of(user: User) -> Onboarding:
    account = DeveloperAccount.objects.filter(user=user, deauthorized_at=None).first()
    if account is None or _is_worthless(account):
        return Onboarding(state=OnboardingState.NONE)
    return Onboarding(
        state=account.state, requirements=account.requirements, disabled_reason=account.disabled_reason or None
    )


def _account_of(gateway: Gateway, user: User) -> str:
    """However many ask at once, there is one: Stripe makes one for the key, and we keep one row."""
    known = DeveloperAccount.objects.filter(user=user).first()
    if known is not None and known.deauthorized_at is None and not _is_worthless(known):
        return known.stripe_account_id
    gone = known.stripe_account_id if known is not None and known.deauthorized_at is not None else None
    account_id = gateway.create_connect_account(user_id=str(user.pk), instead_of=gone)
    with transaction.atomic():
        lock_open_user(user.pk)
        if not DeveloperAccount.objects.filter(stripe_account_id=account_id, deauthorized_at=None).exists():
            # What is known of another account is forgotten with it.
            DeveloperAccount.objects.filter(user=user).delete()
            DeveloperAccount.objects.create(user=user, stripe_account_id=account_id, created_at=datetime.now(UTC))
        if gone is not None:
            alerts.resolve(alerts.CONNECT_DEAUTHORIZED, reference=gone)
    return account_id


def _is_worthless(account: DeveloperAccount) -> bool:
    """The stub's accounts are, once there is a key to Stripe."""
    return not is_stubbed() and account.stripe_account_id.startswith(STUB_ACCOUNT_PREFIX)


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
