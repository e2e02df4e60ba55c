from django.urls import path

from billing.views import CheckoutView, SubscriptionView, TiersView, WebhookView

urlpatterns = [
    path("billing/tiers", TiersView.as_view(), name="billing-tiers"),
    path("billing/checkout", CheckoutView.as_view(), name="billing-checkout"),
    path("billing/subscription", SubscriptionView.as_view(), name="billing-subscription"),
    path("billing/webhook", WebhookView.as_view(), name="billing-webhook"),
]
