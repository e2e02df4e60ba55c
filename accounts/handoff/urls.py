from django.urls import path

from accounts.handoff import views

urlpatterns = [path("auth/sso/token", views.SsoTokenView.as_view(), name="sso-token")]
