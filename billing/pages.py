"""What a browser sees around a checkout, outside `/api/`: where Stripe sends it back to, and the stub's own pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from adiuva.api.errors import Problem
from billing.models import Checkout
from billing.stripe.factory import is_stubbed
from billing.stripe.hooks import Offer, find_offer
from billing.stripe.stub import objects, purchases
from billing.tiers import GIB, TIERS, Tier

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAID_TEXT = "It is installed as soon as the payment is confirmed. You can close this page and go back to Adiuva."
OUR_OWN = {"same-origin", "none"}  # values of Sec-Fetch-Site


@require_safe
@never_cache
def show_done(request: HttpRequest) -> HttpResponse:
    text = "Your plan is active as soon as the payment is confirmed. You can close this page and go back to Adiuva."
    return message(request, "Thank you", text, is_good=True)


@require_safe
@never_cache
def show_paid(request: HttpRequest) -> HttpResponse:
    return message(request, "Thank you", PAID_TEXT, is_good=True)


@require_safe
@never_cache
def show_cancelled(request: HttpRequest) -> HttpResponse:
    text = "Nothing was bought, and nothing is charged. You can close this page and go back to Adiuva."
    return message(request, "Checkout cancelled", text)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def stub_checkout(request: HttpRequest, token: str) -> HttpResponse:
    """404 wherever Stripe is in charge, and always in production."""
    if not is_stubbed():
        raise Http404
    session_id = objects.session_of(token)
    checkout = Checkout.objects.select_related("user").filter(session_id=session_id).first() if session_id else None
    offer = find_offer(session_id) if session_id and checkout is None else None
    if offer is not None:
        return _show_offer(request, offer)
    if checkout is None or not checkout.user.is_active:
        text = "This address belongs to no purchase, or it is older than a day. Start again in Adiuva."
        return message(request, "No such checkout", text, status=404)
    if checkout.completed_at is not None:
        text = "Your plan is active. You can close this page and go back to Adiuva."
        return message(request, f"{checkout.tier.title()} is yours", text, is_good=True)
    if not Checkout.objects.open().filter(pk=checkout.pk).exists():
        text = "Another checkout was started after this one. Use that one, or start again in Adiuva."
        return message(request, "This checkout is closed", text, status=410)
    if request.method == "POST":
        return _complete_purchase(request, lambda: purchases.complete(checkout))
    return page(request, "billing/stub.html", _describe_checkout(checkout))


def _show_offer(request: HttpRequest, offer: Offer) -> HttpResponse:
    """The page of something that is paid for once."""
    if offer.status == "complete":
        return message(request, f"{offer.sale.name} is yours", PAID_TEXT, is_good=True)
    if offer.status == "closed":
        return message(request, "This checkout is closed", "Start again in Adiuva.", status=410)
    if request.method == "POST":
        return _complete_purchase(request, lambda: purchases.complete_sale(offer))
    price = f"€{offer.sale.amount_cents / 100:.2f}"
    context = {"title": f"Buy {offer.sale.name}", "name": offer.sale.name, "price": price, "email": offer.email}
    return page(request, "billing/stub_sale.html", context | {"cancel_url": "/billing/cancelled"})


def _complete_purchase(request: HttpRequest, complete: Callable[[], None]) -> HttpResponse:
    if not is_from_here(request):
        return message(request, "Not from here", "Open the checkout in this browser and try again.", status=403)
    try:
        complete()
    except Problem as problem:
        return message(request, "That did not work", problem.detail, status=problem.status)
    return HttpResponseRedirect(request.path)  # a GET, so that reloading buys nothing


def is_from_here(request: HttpRequest) -> bool:
    """Fetch metadata and Origin where the browser sends them; only an unguessable address otherwise."""
    origin = request.headers.get("Origin")
    ours = {settings.PUBLIC_URL, f"{request.scheme}://{request.get_host()}"}
    return request.headers.get("Sec-Fetch-Site", "none") in OUR_OWN and (origin is None or origin in ours)


def _describe_checkout(checkout: Checkout) -> dict[str, Any]:
    plan = checkout.tier.title()
    limits = TIERS[Tier(checkout.tier)]
    return {
        "title": f"Buy {plan}",
        "plan": plan,
        "price": f"€{objects.PRICES_CENTS[checkout.tier] / 100:.2f}",
        "email": checkout.user.email,
        "included": [
            ("Cloud storage", _format_size(limits.cloud_storage_bytes)),
            ("Backups", _format_size(limits.backup_storage_bytes)),
            ("Active batches", "Unlimited" if limits.batch_active is None else str(limits.batch_active)),
            ("Requests a minute", str(limits.requests_per_minute)),
            ("Plugin marketplace", _format_switch(is_on=limits.plugin_marketplace)),
            ("Single sign-on", _format_switch(is_on=limits.sso)),
        ],
        "cancel_url": "/billing/cancelled",
    }


def _format_size(size_bytes: int | None) -> str:
    return "Unlimited" if size_bytes is None else f"{size_bytes // GIB} GiB"


def _format_switch(*, is_on: bool) -> str:
    return "Included" if is_on else "Not included"


def message(request: HttpRequest, title: str, text: str, *, is_good: bool = False, status: int = 200) -> HttpResponse:
    return page(request, "billing/message.html", {"title": title, "text": text, "is_good": is_good}, status=status)


def page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


urlpatterns = [
    path("done", show_done, name="billing-done"),
    path("paid", show_paid, name="billing-paid"),
    path("cancelled", show_cancelled, name="billing-cancelled"),
    path("stub/<str:token>", stub_checkout, name="billing-stub"),
]
