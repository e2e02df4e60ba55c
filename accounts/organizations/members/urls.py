from django.urls import path

from accounts.organizations.members.views import MembersViewSet

urlpatterns = [
    path("organizations/<str:pk>/members", MembersViewSet.as_view({"get": "list"}), name="members"),
    path(
        "organizations/<str:pk>/members/<str:user_id>",
        MembersViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="member",
    ),
]
