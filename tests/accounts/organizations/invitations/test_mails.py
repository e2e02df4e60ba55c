"""The mail of an invitation, and the page that it leads to."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import User, hash_of
from accounts.organizations.invitations.service import LIFETIME
from accounts.organizations.models import (
    Invitation,
    InvitationToken,
)
from adiuva.mail.models import Dropped, OutgoingMail
from tests.accounts.organizations.actions import accept, invite, invited
from tests.accounts.organizations.invitations.waiting import GUEST, expire, mailed, pending
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.mailbox import token_in
from tests.support.organizations import make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


class TestMail:
    def test_says_who_invites_where_and_links_to_the_page(self, settings: Any) -> None:
        organization, owner = make_organization(name="Acme & Sons")
        assert invite(owner, organization, GUEST).status == 201
        (message,) = mailed()
        assert message.to == [GUEST]
        assert "Acme & Sons" in message.body
        assert owner.email.partition("@")[0] in message.body
        assert f"{settings.PUBLIC_URL}/account/invitation?token={token_in(message)}" in message.body

    def test_is_in_the_language_of_the_account_or_of_who_invites(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=9)
        User.objects.filter(id=owner.user.id).update(locale="de")
        italian = make_user()
        User.objects.filter(id=italian.user.id).update(locale="it")
        for email in (italian.email, GUEST):
            assert invite(owner, organization, email).status == 201
        assert [message.extra_headers["Content-Language"] for message in mailed()] == ["it", "de"]

    def test_its_token_is_made_when_it_is_sent_and_kept_as_a_hash(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        assert invite(owner, organization, guest.email).status == 201
        assert not InvitationToken.objects.exists()
        (waiting,) = OutgoingMail.objects.values_list("facts", flat=True)
        assert waiting == {"invitation": str(Invitation.objects.get().id)}
        token = token_in(mailed()[0])
        assert InvitationToken.objects.get().token_hash == hash_of(token)
        assert accept(guest, token).status == 200

    def test_of_one_that_was_revoked_accepted_or_replaced_or_has_expired_does_not_leave(
        self, api: ApiClient, make_user: MakeUser
    ) -> None:
        organization, owner = make_organization(seats=9)
        path = f"organizations/{organization.id}/invitations"
        revoked = invite(owner, organization, "revoked@example.com").json["id"]
        assert api.delete(f"{path}/{revoked}", token=owner.access_token).status == 204
        guest = make_user()
        assert accept(guest, invited(owner, organization, guest.email)).status == 200
        expired = invite(owner, organization, "expired@example.com").json["id"]
        Invitation.objects.filter(id=expired).update(
            created_at=datetime.now(UTC) - LIFETIME, expires_at=datetime.now(UTC)
        )
        for role in ("member", "admin"):
            assert invite(owner, organization, GUEST, role).status == 201
        assert [message.to for message in mailed()] == [[GUEST]]
        assert OutgoingMail.objects.filter(dropped_as=Dropped.UNWANTED).count() == 4

    def test_of_an_organisation_that_is_gone_does_not_leave(self, api: ApiClient) -> None:
        organization, owner = make_organization()
        assert invite(owner, organization, GUEST).status == 201
        assert api.delete(f"organizations/{organization.id}", token=owner.access_token).status == 204
        assert mailed() == []


class TestPage:
    def test_leads_into_the_app_and_accepts_nothing(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        token = invited(owner, organization, GUEST)
        for _ in range(2):
            answer = Client().get("/account/invitation", {"token": token})
            assert answer.status_code == 200
            assert f'href="adiuva://account/invitation?token={token}"' in answer.content.decode()
        assert Client().post("/account/invitation", {"token": token}).status_code == 405
        assert pending(organization) == [GUEST]

    def test_of_a_link_that_works_no_more_says_so(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=9)
        guest = make_user()
        used = invited(owner, organization, guest.email)
        accept(guest, used)
        replaced, _ = (invited(owner, organization, GUEST) for _ in range(2))
        expired = invited(owner, organization, "expired@example.com")
        expire(email="expired@example.com")
        for token in (used, replaced, expired, "nothing"):
            answer = Client().get("/account/invitation", {"token": token}, headers={"Accept-Language": "de"})
            assert answer.status_code == 410
            assert "Diese Einladung gilt nicht mehr" in answer.content.decode()
            assert answer.headers["Referrer-Policy"] == "no-referrer"
