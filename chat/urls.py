"""Routes relative to ``/api/v1/``."""

from django.urls import include, path

from chat.views import ChatView

urlpatterns = [
    path("chat", ChatView.as_view(), name="chat"),
    path("", include("chat.plans.urls")),
]
