"""Routes relative to ``/api/v1/``."""

from django.urls import path

from storage.records.views import ChangesView, QuotaView, RecordsViewSet
from storage.vectors.views import VectorSearchView, VectorsView, VectorUpsertView

urlpatterns = [
    path("storage/records", RecordsViewSet.as_view({"get": "list", "post": "create"}), name="records"),
    path(
        "storage/records/<str:pk>",
        RecordsViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="record",
    ),
    path("storage/changes", ChangesView.as_view(), name="changes"),
    path("storage/quota", QuotaView.as_view(), name="quota"),
    path("storage/vectors", VectorsView.as_view(), name="vectors"),
    path("storage/vectors/upsert", VectorUpsertView.as_view(), name="vectors-upsert"),
    path("storage/vectors/search", VectorSearchView.as_view(), name="vectors-search"),
]
