"""Routes relative to ``/api/v1/``. The reserved words stand before ``<slug>``, which may be any text: who may not enter
is told so before what is no id is 404.
"""

from django.urls import path

from marketplace.catalog.views import CatalogView, OwnSubmissionsView, PackageView, PluginView
from marketplace.payouts.views import EarningsView, OnboardingView
from marketplace.purchases.views import InstallView, RatingView

urlpatterns = [
    path("plugins/earnings", EarningsView.as_view(), name="plugin-earnings"),
    path("plugins/onboarding", OnboardingView.as_view(), name="plugin-onboarding"),
    path("plugins/mine", OwnSubmissionsView.as_view(), name="plugins-mine"),
    path("plugins", CatalogView.as_view(), name="plugins"),
    path("plugins/<str:slug>", PluginView.as_view(), name="plugin"),
    path("plugins/<str:slug>/package", PackageView.as_view(), name="plugin-package"),
    path("plugins/<str:slug>/install", InstallView.as_view(), name="plugin-install"),
    path("plugins/<str:slug>/rating", RatingView.as_view(), name="plugin-rating"),
]
