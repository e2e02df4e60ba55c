from django.urls import include, path

from accounts import views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/login", views.LoginView.as_view(), name="login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("auth/me", views.MeView.as_view(), name="me"),
    path("auth/sessions", views.SessionsViewSet.as_view({"get": "list"}), name="sessions"),
    path("auth/sessions/<str:pk>", views.SessionsViewSet.as_view({"delete": "destroy"}), name="session"),
    path("auth/password", views.PasswordView.as_view(), name="password"),
    path("auth/ws-ticket", views.WsTicketView.as_view(), name="ws-ticket"),
    path("", include("accounts.keys.urls")),
    path("", include("accounts.factors.urls")),
    path("", include("accounts.recovery.urls")),
    path("", include("accounts.factors.passkeys.urls")),
    path("", include("accounts.handoff.urls")),
    path("", include("accounts.security_events.urls")),
    path("", include("accounts.export.urls")),
]
