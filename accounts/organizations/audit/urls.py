from django.urls import path

from accounts.organizations.audit.views import AuditView

urlpatterns = [path("organizations/<str:pk>/audit", AuditView.as_view(), name="audit")]
