"""What a browser sees around Stripe's pages, outside `/api/`: where they send it back to. The stub's own pages look the
same (``billing.stripe.stub.pages``).
"""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from adiuva.pages import message

PAID_TEXT = "It is installed as soon as the payment is confirmed. You can close this page and go back to Adiuva."


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


@require_safe
@never_cache
def show_back(request: HttpRequest) -> HttpResponse:
    text = "What you have changed counts in a moment. You can close this page and go back to Adiuva."
    return message(request, "All done", text, is_good=True)


urlpatterns = [
    path("done", show_done, name="billing-done"),
    path("paid", show_paid, name="billing-paid"),
    path("cancelled", show_cancelled, name="billing-cancelled"),
    path("back", show_back, name="billing-back"),
]
