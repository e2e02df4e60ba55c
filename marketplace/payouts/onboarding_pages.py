"""What a browser sees around Stripe Connect's questions: the stub of them, and where Stripe sends it back to."""

import time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing.pages import is_from_here, message, page
from billing.stripe import webhook
from billing.stripe.port import is_stubbed
from billing.stripe.stub import objects
from billing.stripe.stub.links import account_of
from marketplace.models import DeveloperAccount


@require_safe
@never_cache
def done(request: HttpRequest) -> HttpResponse:
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
        _answer(account)
        return HttpResponseRedirect(request.path)
    return page(request, "marketplace/onboarding_stub.html", {"title": "Get paid for your plugins"})


def _answer(account: DeveloperAccount) -> None:
    """What Stripe would tell us, through the very code of its webhook; again changes nothing."""
    about = {"id": account.stripe_account_id, "object": "account", "payouts_enabled": True}
    body = objects.event(f"evt_stub_{account.stripe_account_id}", "account.updated", about, created=int(time.time()))
    secret = settings.STRIPE_STUB_SECRET
    webhook.receive(body=body, signature=objects.signature(body, secret), secret=secret)


urlpatterns = [
    path("onboarding/done", done, name="onboarding-done"),
    path("onboarding/again", again, name="onboarding-again"),
    path("onboarding/stub/<str:token>", stub_onboarding, name="onboarding-stub"),
]
