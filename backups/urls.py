"""Routes relative to ``/api/v1/``."""

from django.urls import path

from backups import policy, views

urlpatterns = [
    path("backup", views.LatestBackupView.as_view(), name="latest-backup"),
    path("backup/history", views.HistoryView.as_view(), name="backup-history"),
    path("backup/policy", policy.PolicyView.as_view(), name="backup-policy"),
    path("backup/<str:pk>", views.BackupView.as_view(), name="backup"),
]
