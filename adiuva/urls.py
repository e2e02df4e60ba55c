"""The composition root of REST: every app's routes under `/api/v1/`, and what is outside of it."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from adiuva.api.error_handler import no_such_route
from adiuva.observability.health_and_readiness import HealthView, ReadyView, metrics_page

api: list[URLPattern | URLResolver] = [
    path("health", HealthView.as_view(), name="health"),
    path("health/ready", ReadyView.as_view(), name="ready"),
    path("", include("accounts.urls")),
    path("", include("billing.urls")),
    path("", include("storage.urls")),
    path("", include("backups.urls")),
    path("", include("marketplace.urls")),
    path("", include("chat.urls")),
    path("", include("agents.batches.urls")),
    # Routes are tried one after the other, at a microsecond each: last, its 31 cost no other request anything.
    path("", include("accounts.organizations.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include(api)),
    path("account/", include("accounts.recovery.pages")),
    path("account/", include("accounts.factors.passkeys.pages")),
    path("billing/", include("billing.stripe.pages")),
    path("billing/stub/", include("billing.stripe.stub.pages")),
    path("plugins/", include("marketplace.payouts.onboarding")),
    path("scim/v2/", include("accounts.organizations.scim.urls")),
    path("admin/", admin.site.urls),
]

if not settings.IS_PROD:
    from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
    from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

    public: dict[str, Any] = {"authentication_classes": [], "permission_classes": [], "throttle_classes": []}
    schema = SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer2, OpenApiJsonRenderer], **public)
    page: dict[str, Any] = {"url_name": "schema", "template_name": "docs/page.html"}
    urlpatterns += [
        path("openapi.json", schema, name="schema"),
        path("dev/mail", include("adiuva.mail.pages")),
        path("docs", SpectacularSwaggerSplitView.as_view(**page, **public), name="docs"),
        path("", RedirectView.as_view(pattern_name="docs", http_method_names=["get", "head", "options"])),
    ]

if settings.METRICS_TOKEN:
    urlpatterns.append(path("metrics", metrics_page))

# Django's own 404 page, with every route on it where DEBUG is on, is not for the API.
urlpatterns += [re_path(r"^(?:api|scim)(?:/|$)", no_such_route)]

handler400 = "adiuva.api.error_handler.bad_request"
handler403 = "adiuva.api.error_handler.permission_denied"
handler404 = "adiuva.api.error_handler.page_not_found"
handler500 = "adiuva.api.error_handler.server_error"
