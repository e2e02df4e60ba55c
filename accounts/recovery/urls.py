from django.urls import path

from accounts.recovery import views

urlpatterns = [
    path("auth/email", views.EmailView.as_view(), name="email"),
    path("auth/email/verification", views.VerificationView.as_view(), name="email-verification"),
    path("auth/email/verify", views.VerifyView.as_view(), name="email-verify"),
    path("auth/password/reset", views.ResetView.as_view(), name="password-reset"),
    path("auth/password/reset/confirm", views.ResetConfirmView.as_view(), name="password-reset-confirm"),
]
