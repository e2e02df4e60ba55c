from django.urls import path

from accounts.security_events import views

urlpatterns = [path("auth/events", views.EventsView.as_view(), name="security-events")]
