"""Routes relative to ``/api/v1/``."""

from django.urls import path

from storage.records.bulk.views import BatchView, ChangesView, FetchView
from storage.records.views import QuotaView, RecordsViewSet
from storage.uploads.views import UploadsView, UploadView
from storage.vectors.views import VectorSearchView, VectorsView, VectorUpsertView
from storage.versions.views import SettingsView, TrashView, VersionsViewSet

urlpatterns = [
    path("storage/records", RecordsViewSet.as_view({"get": "list", "post": "create"}), name="records"),
    path("storage/records/fetch", FetchView.as_view(), name="records-fetch"),
    path("storage/records/batch", BatchView.as_view(), name="records-batch"),
    path(
        "storage/records/<str:pk>",
        RecordsViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="record",
    ),
    path("storage/records/<str:pk>/versions", VersionsViewSet.as_view({"get": "list"}), name="versions"),
    path(
        "storage/records/<str:pk>/versions/<str:revision>",
        VersionsViewSet.as_view({"get": "retrieve"}),
        name="version",
    ),
    path(
        "storage/records/<str:pk>/versions/<str:revision>/restore",
        VersionsViewSet.as_view({"post": "restore"}),
        name="version-restore",
    ),
    path("storage/trash", TrashView.as_view(), name="trash"),
    path("storage/settings", SettingsView.as_view(), name="storage-settings"),
    path("storage/changes", ChangesView.as_view(), name="changes"),
    path("storage/quota", QuotaView.as_view(), name="quota"),
    path("storage/uploads", UploadsView.as_view(), name="uploads"),
    path("storage/uploads/<str:pk>", UploadView.as_view(), name="upload"),
    path("storage/vectors", VectorsView.as_view(), name="vectors"),
    path("storage/vectors/upsert", VectorUpsertView.as_view(), name="vectors-upsert"),
    path("storage/vectors/search", VectorSearchView.as_view(), name="vectors-search"),
]
