"""Routes relative to ``/api/v1/``. The reserved words stand before ``<slug>``, which may be any text: who may not enter
is told so before what is no id is 404.
"""

from django.urls import path

from marketplace.catalog.views import CatalogView, PackageView, PluginView
from marketplace.payouts.views import EarningsView, OnboardingView
from marketplace.purchases.views import InstalledView, InstallView, PurchasesView, RatingView
from marketplace.reports.views import ReportsView
from marketplace.submissions.views import MessagesView, OwnSubmissionsView, WithdrawView

urlpatterns = [
    path("plugins/earnings", EarningsView.as_view(), name="plugin-earnings"),
    path("plugins/onboarding", OnboardingView.as_view(), name="plugin-onboarding"),
    path("plugins/installed", InstalledView.as_view(), name="plugins-installed"),
    path("plugins/purchases", PurchasesView.as_view(), name="plugin-purchases"),
    path("plugins/mine", OwnSubmissionsView.as_view(), name="plugins-mine"),
    path("plugins", CatalogView.as_view(), name="plugins"),
    path("plugins/<str:slug>", PluginView.as_view(), name="plugin"),
    path("plugins/<str:slug>/package", PackageView.as_view(), name="plugin-package"),
    path("plugins/<str:slug>/install", InstallView.as_view(), name="plugin-install"),
    path("plugins/<str:slug>/rating", RatingView.as_view(), name="plugin-rating"),
    path("plugins/<str:slug>/reports", ReportsView.as_view(), name="plugin-reports"),
    path("plugins/<str:slug>/versions/<str:version>/withdraw", WithdrawView.as_view(), name="plugin-withdraw"),
    path("plugins/<str:slug>/versions/<str:version>/messages", MessagesView.as_view(), name="plugin-messages"),
]
