"""The pages that stand in for Stripe's: a checkout, the customer portal, an invoice.

404 wherever Stripe is in charge, and always in production. As at Stripe, nobody can guess an address.
"""

import re
from collections.abc import Callable, Mapping
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from adiuva.api.errors import Problem
from adiuva.pages import CONTENT_SECURITY_POLICY, is_from_here, message, page
from billing.models import Checkout
from billing.stripe.factory import is_stubbed
from billing.stripe.hooks import Offer, find_offer
from billing.stripe.pages import PAID_TEXT
from billing.stripe.stub import addresses, lives, pdf, purchases, texts, world
from billing.stripe.stub.objects import JsonObject
from billing.tiers import MOST_SEATS

View = Callable[[HttpRequest, str], HttpResponse]

DEEDS: Mapping[str, lives.Deed] = {
    "end": lives.end_with_period,
    "resume": lives.go_on,
    "next": lives.end_period,
    "fail": lives.fail_renewal,
}
SEATS = re.compile(r"[1-9][0-9]{0,4}")


def _played(view: View) -> View:
    @require_http_methods(["GET", "HEAD", "POST"])
    @never_cache
    @wraps(view)
    def show(request: HttpRequest, token: str) -> HttpResponse:
        if not is_stubbed():
            raise Http404
        return view(request, token)

    return show


@_played
def show_checkout(request: HttpRequest, token: str) -> HttpResponse:
    session_id = addresses.session_of(token)
    checkout = Checkout.objects.select_related("user").filter(session_id=session_id).first() if session_id else None
    offer = find_offer(session_id) if session_id and checkout is None else None
    if offer is not None:
        return _show_offer(request, offer)
    if checkout is None or not checkout.user.is_active:
        return _no_such(request, "checkout", "belongs to no purchase")
    if checkout.completed_at is not None:
        text = "Your plan is active. You can close this page and go back to Adiuva."
        return message(request, f"{checkout.tier.title()} is yours", text, is_good=True)
    if not Checkout.objects.open().filter(pk=checkout.pk).exists():
        text = "Another checkout was started after this one. Use that one, or start again in Adiuva."
        return message(request, "This checkout is closed", text, status=410)
    if request.method == "POST":
        return _press(request, lambda: purchases.complete(checkout))
    return page(request, "billing/stub.html", texts.describe_checkout(checkout))


def _show_offer(request: HttpRequest, offer: Offer) -> HttpResponse:
    """The page of something that is paid for once."""
    if offer.status == "complete":
        return message(request, f"{offer.sale.name} is yours", PAID_TEXT, is_good=True)
    if offer.status == "closed":
        return message(request, "This checkout is closed", "Start again in Adiuva.", status=410)
    if request.method == "POST":
        return _press(request, lambda: purchases.complete_sale(offer))
    return page(request, "billing/stub_sale.html", texts.describe_offer(offer))


@_played
def show_portal(request: HttpRequest, token: str) -> HttpResponse:
    user = _customer(addresses.customer_of(token))
    if user is None:
        return _no_such(request, "portal", "belongs to no account")
    customer_id = str(user.stripe_customer_id)
    if request.method == "POST":
        deed = _read_deed(request.POST)
        if deed is None:
            return message(request, "That did not work", "Go back and look at what you entered.", status=400)
        seen = request.POST.get("seen", "")
        return _press(request, lambda: lives.play(deed, customer_id=customer_id, seen=seen))
    running = world.running_subscription(customer_id)
    context = texts.describe_portal(user, running, world.list_invoices(customer_id))
    return page(request, "billing/stub_portal.html", context)


def _read_deed(form: QueryDict) -> lives.Deed | None:
    """None for what no button of the page sends."""
    asked, seats, price = (form.get(name, "") for name in ("do", "seats", "price"))
    if asked == "seats" and SEATS.fullmatch(seats) and int(seats) <= MOST_SEATS:
        return lives.change_seats(int(seats))
    if asked == "price" and price in {sold.price_id or sold.name for _, sold in lives.sold_prices()}:
        return lives.change_price(price)
    return DEEDS.get(asked)


@_played
def show_invoice(request: HttpRequest, token: str) -> HttpResponse:
    found = _find_invoice(token)
    if found is None:
        return _no_such(request, "invoice", "belongs to no invoice")
    invoice, user = found
    if request.method == "POST":
        return _press(request, lambda: lives.pay(invoice["id"], customer_id=invoice["customer"]))
    return page(request, "billing/stub_invoice.html", texts.describe_invoice(invoice, email=user.email))


@require_safe
@_played
def show_pdf(request: HttpRequest, token: str) -> HttpResponse:
    found = _find_invoice(token)
    if found is None:
        return _no_such(request, "invoice", "belongs to no invoice")
    invoice, user = found
    shown = texts.describe_invoice(invoice, email=user.email)
    lines = [
        f"For {shown['email']}",
        f"{texts.format_day(shown['created'])}, {shown['state'].lower()}",
        "",
        *(f"{line['text']}: {line['amount']}" for line in shown["lines"]),
        f"Total: {shown['total']}",
        "",
        "Test mode: this server has no payment service. Nothing is charged.",
    ]
    response = HttpResponse(pdf.render(shown["title"], lines), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{shown["number"]}.pdf"'
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _find_invoice(token: str) -> tuple[JsonObject, User] | None:
    invoice_id = addresses.invoice_of(token)
    invoice = world.find_invoice(invoice_id) if invoice_id else None
    user = _customer(invoice["customer"]) if invoice is not None else None
    return (invoice, user) if invoice is not None and user is not None else None


def _customer(customer_id: str | None) -> User | None:
    return User.objects.filter(stripe_customer_id=customer_id, is_active=True).first() if customer_id else None


def _press(request: HttpRequest, act: Callable[[], None]) -> HttpResponse:
    if not is_from_here(request):
        return message(request, "Not from here", "Open the page in this browser and try again.", status=403)
    try:
        act()
    except Problem as problem:
        return message(request, "That did not work", problem.detail, status=problem.status)
    return HttpResponseRedirect(request.path)  # a GET, so that reloading does nothing


def _no_such(request: HttpRequest, what: str, fault: str) -> HttpResponse:
    text = f"This address {fault}, or it is too old. Start again in Adiuva."
    return message(request, f"No such {what}", text, status=404)


urlpatterns = [
    path("<str:token>", show_checkout, name="billing-stub"),
    path("portal/<str:token>", show_portal, name="billing-stub-portal"),
    path("invoice/<str:token>", show_invoice, name="billing-stub-invoice"),
    path("invoice/<str:token>/pdf", show_pdf, name="billing-stub-pdf"),
]
