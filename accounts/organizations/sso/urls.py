from django.urls import path

from accounts.organizations.sso import views

urlpatterns = [
    path("organizations/<str:pk>/sso", views.SsoConnectionView.as_view(), name="sso-connection"),
    path("auth/sso/start", views.StartSignOnView.as_view(), name="sso-start"),
    path("auth/sso/callback", views.FinishSignOnView.as_view(), name="sso-callback"),
    path("auth/sso/callback/<str:pk>", views.FinishOwnSignOnView.as_view(), name="sso-own-callback"),
]
