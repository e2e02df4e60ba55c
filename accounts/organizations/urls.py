from django.urls import include, path

from accounts.organizations.views import OrganizationsViewSet

urlpatterns = [
    path("organizations", OrganizationsViewSet.as_view({"post": "create"}), name="organizations"),
    path("organizations/current", OrganizationsViewSet.as_view({"get": "current"}), name="organization-current"),
    path(
        "organizations/<str:pk>",
        OrganizationsViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="organization",
    ),
    path("", include("accounts.organizations.members.urls")),
    path("", include("accounts.organizations.invitations.urls")),
    path("", include("accounts.organizations.domains.urls")),
    path("", include("accounts.organizations.sso.urls")),
    path("", include("accounts.organizations.sso.accounts_urls")),
    path("", include("accounts.organizations.scim.tokens.urls")),
    path("", include("accounts.organizations.audit.urls")),
]
