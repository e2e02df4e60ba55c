"""Routes relative to ``/api/v1/``."""

from django.urls import URLPattern, path

from accounts.organizations.scim.tokens.views import ScimTokensViewSet

urlpatterns: list[URLPattern] = [
    path("organizations/<str:pk>/scim/tokens", ScimTokensViewSet.as_view({"get": "list", "post": "create"})),
    path("organizations/<str:pk>/scim/tokens/<str:token_id>", ScimTokensViewSet.as_view({"delete": "destroy"})),
]
