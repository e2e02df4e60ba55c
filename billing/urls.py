from django.urls import path

from billing.views import TiersView

urlpatterns = [
    path("billing/tiers", TiersView.as_view(), name="billing-tiers"),
]
