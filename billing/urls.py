from django.urls import path

from billing.views import (
    CheckoutView,
    InvoicesView,
    PortalView,
    ResumeView,
    SubscriptionView,
    TiersView,
    WebhookView,
)

urlpatterns = [
    path("billing/tiers", TiersView.as_view(), name="billing-tiers"),
    path("billing/checkout", CheckoutView.as_view(), name="billing-checkout"),
    path("billing/subscription", SubscriptionView.as_view(), name="billing-subscription"),
    path("billing/subscription/resume", ResumeView.as_view(), name="billing-resume"),
    path("billing/portal", PortalView.as_view(), name="billing-portal"),
    path("billing/invoices", InvoicesView.as_view(), name="billing-invoices"),
    path("billing/webhook", WebhookView.as_view(), name="billing-webhook"),
]
