from django.urls import path

from accounts.organizations.invitations.views import AcceptInvitationView, InvitationsViewSet

urlpatterns = [
    path("invitations/accept", AcceptInvitationView.as_view(), name="invitation-accept"),
    path(
        "organizations/<str:pk>/invitations",
        InvitationsViewSet.as_view({"get": "list", "post": "create"}),
        name="invitations",
    ),
    path(
        "organizations/<str:pk>/invitations/<str:invitation_id>",
        InvitationsViewSet.as_view({"delete": "destroy"}),
        name="invitation",
    ),
]
