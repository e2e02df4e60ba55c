"""Routes relative to ``/api/v1/``. What has a name of its own under ``batches/`` comes before ids."""

from django.urls import URLPattern, path

from agents.batches.spec.views import SchemaView
from agents.batches.views import BatchesViewSet, BatchRunsViewSet

_batches = BatchesViewSet.as_view({"get": "list", "post": "create"})
_batch = BatchesViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"})
_runs = BatchRunsViewSet.as_view({"get": "list", "post": "create"})

urlpatterns: list[URLPattern] = [
    path("batches", _batches, name="batches"),
    path("batches/schema", SchemaView.as_view(), name="batches-schema"),
    path("batches/runs/<str:pk>", BatchRunsViewSet.as_view({"patch": "partial_update"}), name="batch-run"),
    path("batches/runs/<str:pk>/finish", BatchRunsViewSet.as_view({"post": "finish"}), name="batch-run-finish"),
    path("batches/<str:pk>", _batch, name="batch"),
    path("batches/<str:pk>/activate", BatchesViewSet.as_view({"post": "activate"}), name="batch-activate"),
    path("batches/<str:pk>/pause", BatchesViewSet.as_view({"post": "pause"}), name="batch-pause"),
    path("batches/<str:pk>/runs", _runs, name="batch-runs"),
]
