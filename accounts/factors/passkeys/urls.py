from django.urls import path

from accounts.factors.passkeys import views

urlpatterns = [
    path("auth/passkeys/options", views.CreationOptionsView.as_view(), name="passkey-options"),
    path("auth/passkeys", views.PasskeysView.as_view(), name="passkeys"),
    path("auth/passkeys/login/options", views.LoginOptionsView.as_view(), name="passkey-login-options"),
    path("auth/passkeys/login", views.LoginView.as_view(), name="passkey-login"),
    path("auth/passkeys/login/code", views.LoginCodeView.as_view(), name="passkey-login-code"),
    path("auth/passkeys/ticket", views.TicketView.as_view(), name="passkey-ticket"),
    path("auth/passkeys/ticket/options", views.TicketOptionsView.as_view(), name="passkey-ticket-options"),
    path("auth/passkeys/ticket/passkey", views.TicketPasskeyView.as_view(), name="passkey-ticket-passkey"),
]
