"""Routes relative to ``/api/v1/``."""

from django.urls import include, path

from chat.views import ChatView, UsageView

urlpatterns = [
    path("chat", ChatView.as_view(), name="chat"),
    path("chat/usage", UsageView.as_view(), name="chat-usage"),
    path("", include("chat.plans.urls")),
]
