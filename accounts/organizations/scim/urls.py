"""Under ``/scim/v2/``, outside of ``/api/``: its own errors and its own tokens (RFC 7644)."""

from django.urls import URLPattern, path

from accounts.organizations.scim import views

_USERS, _USER = views.UsersView.as_view(), views.UserView.as_view()
_SEARCH = views.SearchView.as_view()
_TYPES, _SCHEMAS = views.ResourceTypesView.as_view(), views.SchemasView.as_view()
_ROUTES = {
    "Users": _USERS,
    "Users/.search": _SEARCH,
    "Users/<str:user_id>": _USER,
    ".search": _SEARCH,
    "ServiceProviderConfig": views.ServiceProviderConfigView.as_view(),
    "ResourceTypes": _TYPES,
    "ResourceTypes/<str:pk>": _TYPES,
    "Schemas": _SCHEMAS,
    "Schemas/<str:pk>": _SCHEMAS,
}
# Some directories end their paths with a slash.
urlpatterns: list[URLPattern] = [
    path(f"<str:organization_id>/{route}{end}", view) for route, view in _ROUTES.items() for end in ("", "/")
]
