from django.urls import path

from accounts.organizations.domains import views

urlpatterns = [
    path(
        "organizations/<str:pk>/domains",
        views.DomainsViewSet.as_view({"get": "list", "post": "create"}),
        name="domains",
    ),
    path(
        "organizations/<str:pk>/domains/<str:domain>",
        views.DomainsViewSet.as_view({"delete": "destroy"}),
        name="domain",
    ),
    path(
        "organizations/<str:pk>/domains/<str:domain>/verify",
        views.DomainsViewSet.as_view({"post": "verify"}),
        name="verify-domain",
    ),
    path("auth/sso/discover", views.DiscoveryView.as_view(), name="sso-discover"),
]
