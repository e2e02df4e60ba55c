"""Outside `/api/`: for browsers."""

from django.urls import path

from billing import pages

urlpatterns = [
    path("done", pages.done, name="billing-done"),
    path("paid", pages.paid, name="billing-paid"),
    path("cancelled", pages.cancelled, name="billing-cancelled"),
    path("stub/<str:token>", pages.stub_checkout, name="billing-stub"),
]
