from django.urls import path

from accounts.export import views

urlpatterns = [path("auth/export", views.ExportView.as_view(), name="export")]
