from django.urls import path

from accounts.factors import views

urlpatterns = [
    path("auth/login/second-factor", views.SecondFactorView.as_view(), name="second-factor"),
    path("auth/reauthenticate", views.ReauthenticateView.as_view(), name="reauthenticate"),
    path("auth/factors", views.FactorsView.as_view(), name="factors"),
    path("auth/factors/totp", views.TotpView.as_view(), name="totp"),
    path("auth/factors/recovery-codes", views.RecoveryCodesView.as_view(), name="recovery-codes"),
    path("auth/factors/<str:pk>", views.FactorView.as_view(), name="factor"),
    path("auth/factors/<str:pk>/confirm", views.ConfirmFactorView.as_view(), name="confirm-factor"),
]
