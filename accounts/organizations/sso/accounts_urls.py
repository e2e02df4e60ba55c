from django.urls import path

from accounts.organizations.sso import accounts_views

urlpatterns = [
    path("auth/sso/link", accounts_views.LinkView.as_view(), name="sso-link"),
    path("auth/sso/backchannel-logout", accounts_views.BackchannelLogoutView.as_view(), name="sso-backchannel-logout"),
    path("organizations/<str:pk>/sso/break-glass", accounts_views.BreakGlassView.as_view(), name="sso-break-glass"),
]
