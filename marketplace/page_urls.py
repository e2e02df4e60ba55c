"""Outside `/api/`: for browsers."""

from django.urls import path

from marketplace import onboarding_pages

urlpatterns = [
    path("onboarding/done", onboarding_pages.done, name="onboarding-done"),
    path("onboarding/again", onboarding_pages.again, name="onboarding-again"),
    path("onboarding/stub/<str:token>", onboarding_pages.stub_onboarding, name="onboarding-stub"),
]
