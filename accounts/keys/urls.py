from django.urls import path

from accounts.keys import views

_envelope = views.EnvelopesViewSet.as_view({"put": "update", "delete": "destroy"})
_requests = views.KeyRequestsViewSet.as_view({"get": "list", "post": "create"})
_request = views.KeyRequestsViewSet.as_view({"get": "retrieve", "put": "update"})

urlpatterns = [
    path("auth/prelogin", views.PreloginView.as_view(), name="prelogin"),
    path("keys/envelopes", views.EnvelopesViewSet.as_view({"get": "list"}), name="key-envelopes"),
    path("keys/envelopes/<str:kind>/<str:ref>", _envelope, name="key-envelope"),
    path("keys/requests", _requests, name="key-requests"),
    path("keys/requests/<str:pk>", _request, name="key-request"),
]
