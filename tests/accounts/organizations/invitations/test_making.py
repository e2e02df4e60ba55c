"""Invitations: who makes them, who sees and revokes them, and what they cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.organizations.invitations.service import LIFETIME
from accounts.organizations.models import (
    AuditEntry,
    Invitation,
    Membership,
    Role,
)
from adiuva.mail.kinds import MailKind
from adiuva.mail.limits import budget_of
from adiuva.mail.models import OutgoingMail
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.organizations.actions import accept, audited, invite, invited, remove, token_for
from tests.accounts.organizations.invitations.waiting import GUEST, expire, pending, seats
from tests.support.accounts import Account, make_account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


class TestMaking:
    @pytest.mark.parametrize(
        ("by", "role", "status"),
        [
            *(("owner", role, 201) for role in Role.values),
            *(("admin", role, 403 if role == "owner" else 201) for role in Role.values),
            *(("member", role, 403) for role in Role.values),
        ],
    )
    def test_who_invites_whom(self, by: str, role: str, status: int) -> None:
        organization, _ = make_organization()
        answer = invite(join(organization, role=Role(by)), organization, GUEST, role)
        assert answer.status == status
        if status == 403:
            assert answer.code == "permission_denied"
            assert not Invitation.objects.exists()
            return
        made = Invitation.objects.get()
        assert (answer.json["id"], answer.json["email"], answer.json["role"]) == (str(made.id), GUEST, role)
        assert made.expires_at - made.created_at == timedelta(days=7)
        entry = AuditEntry.objects.get()
        assert (entry.type, entry.target, entry.target_user) == ("invitation_created", str(made.id), None)

    def test_strangers_find_no_organisation(self, api: ApiClient, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        assert invite(owner, organization, GUEST).status == 201
        path = f"organizations/{organization.id}/invitations"
        for method, rest in (("GET", ""), ("POST", ""), ("DELETE", f"/{Invitation.objects.get().id}")):
            answer = api.request(method, path + rest, json={}, token=make_user(tier="team").access_token)
            assert (answer.status, answer.code) == (404, "not_found")

    def test_who_has_not_verified_their_address_invites_nobody(self) -> None:
        """As whom the provider has let in just in time may not have: the mail would name them."""
        organization, _ = make_organization()
        admin = join(organization, make_account(verified=False), Role.ADMIN)
        for email in (GUEST, "nothing"):
            refused = invite(admin, organization, email)
            assert (refused.status, refused.code) == (403, "email_not_verified")
        assert not Invitation.objects.exists()

    def test_a_refusal_comes_before_what_is_wrong_with_the_body(self) -> None:
        organization, owner = make_organization()
        assert invite(join(organization), organization, "nothing", "king").status == 403
        set_tier(user=owner.user, tier=Tier.POWER)
        refused = invite(owner, organization, "nothing", "king")
        assert (refused.status, refused.code, refused.json["required_tier"]) == (403, "feature_not_available", "team")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"email": "nothing", "role": "member"}, "email"),
            ({"email": "a\u200bb@example.com", "role": "member"}, "email"),
            ({"email": GUEST, "role": "king"}, "role"),
            ({"email": GUEST}, "role"),
            ({"role": "member"}, "email"),
        ],
    )
    def test_a_body_that_is_wrong(self, api: ApiClient, body: dict[str, str], field: str) -> None:
        organization, owner = make_organization()
        refused = api.post(f"organizations/{organization.id}/invitations", json=body, token=owner.access_token)
        assert (refused.status, list(refused.json["errors"])) == (400, [field])

    def test_a_member_is_not_invited_in_whatever_spelling(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        join(organization, make_user(email="me@xn--mnchen-3ya.example"))
        refused = invite(owner, organization, "ME@M\N{LATIN CAPITAL LETTER U WITH DIAERESIS}NCHEN.example")
        assert (refused.status, refused.code) == (409, "conflict")

    def test_whether_a_stranger_has_an_account_makes_no_difference(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        other, _ = make_organization(name="Other")
        for email in (make_user().email, join(other).email, GUEST):
            assert set(invite(owner, organization, email).json) == {"id", "email", "role", "created_at", "expires_at"}

    def test_members_and_invitations_that_wait_take_seats(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=3)
        assert invite(owner, organization, "one@example.com").status == 201
        assert invite(owner, organization, "two@example.com").status == 201
        refused = invite(owner, organization, "three@example.com")
        assert (refused.status, refused.code) == (402, "quota_exceeded")
        assert [refused.json[name] for name in ("resource", "limit", "used")] == ["seats", 3, 3]
        assert len(pending(organization)) == OutgoingMail.objects.count() == 2

    def test_who_pays_and_has_left_takes_one_seat_also_while_they_are_invited_back(self) -> None:
        organization, payer = make_organization(seats=3)
        owner = join(organization, role=Role.OWNER)
        assert remove(payer, organization, payer).status == 204
        assert invite(owner, organization, payer.email).status == 201
        assert invite(owner, organization, GUEST).status == 201
        refused = invite(owner, organization, "one.more@example.com")
        assert (refused.status, refused.json["used"]) == (402, 3)

    def test_one_that_has_expired_takes_no_seat(self) -> None:
        organization, owner = make_organization(seats=2)
        assert invite(owner, organization, "one@example.com").status == 201
        expire()
        assert invite(owner, organization, "two@example.com").status == 201

    def test_another_to_the_same_address_takes_its_place_and_no_second_seat(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=2)
        guest = make_user()
        first = invited(owner, organization, guest.email, "member")
        second = invited(owner, organization, guest.email.upper(), "admin")
        assert pending(organization) == [guest.email]
        assert audited(organization) == ["invitation_created", "invitation_revoked", "invitation_created"]
        assert accept(guest, first).status == 400
        assert accept(guest, second).json["role"] == "admin"

    def test_where_no_seat_is_free_the_one_that_waits_goes_on_waiting(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=2)
        guest = make_user()
        token = invited(owner, organization, guest.email)
        seats(organization, 1)
        assert invite(owner, organization, guest.email).status == 402
        seats(organization, 2)
        assert accept(guest, token).status == 200

    def test_where_the_mail_is_one_too_many_the_one_that_waits_goes_on_waiting(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        tokens = [invited(owner, organization, guest.email) for _ in range(budget_of(MailKind.INVITATION).hourly)]
        refused = invite(owner, organization, guest.email)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert 3000 < int(refused.headers["Retry-After"]) <= 3600
        assert len(audited(organization)) == 2 * len(tokens) - 1  # nothing came of it
        assert invite(owner, organization, GUEST).status == 201
        assert accept(guest, tokens[-1]).status == 200

    def test_without_a_mail_server_nobody_is_invited(self, settings: Any) -> None:
        organization, owner = make_organization()
        settings.IS_PROD, settings.EMAIL_URL = True, ""
        refused = invite(owner, organization, GUEST)
        assert (refused.status, refused.code) == (503, "not_configured")
        assert not Invitation.objects.exists()


class TestListAndRevocation:
    def test_those_that_wait_are_listed_newest_first(self, api: ApiClient, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=9)
        guest = make_user()
        accept(guest, invited(owner, organization, guest.email))
        expired = invite(owner, organization, "expired@example.com").json["id"]
        Invitation.objects.filter(id=expired).update(
            created_at=datetime.now(UTC) - LIFETIME, expires_at=datetime.now(UTC)
        )
        made = [invite(owner, organization, f"guest{n}@example.com").json for n in range(3)]
        for account in (owner, join(organization, role=Role.ADMIN)):
            listed = api.get(f"organizations/{organization.id}/invitations", token=account.access_token).json
            assert listed == {"items": made[::-1], "total": 3, "page": 1, "limit": 50}
        member = join(organization)
        refused = api.get(f"organizations/{organization.id}/invitations", token=member.access_token)
        assert (refused.status, refused.code) == (403, "permission_denied")

    def test_revoked_its_link_is_dead_and_its_seat_free(self, api: ApiClient, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=2)
        guest = make_user()
        made = invite(owner, organization, guest.email).json["id"]
        token = token_for(made)
        path = f"organizations/{organization.id}/invitations/{made}"
        assert api.delete(path, token=join(organization).access_token).status == 403
        Membership.objects.exclude(user=owner.user).delete()
        assert api.delete(path, token=owner.access_token).status == 204
        assert api.delete(path, token=owner.access_token).status == 404
        assert accept(guest, token).status == 400
        assert audited(organization) == ["invitation_created", "invitation_revoked"]
        assert invite(owner, organization, GUEST).status == 201

    def test_another_organisations_is_none_of_ones_own(self, api: ApiClient) -> None:
        organization, owner = make_organization()
        made = invite(owner, organization, GUEST).json["id"]
        other, stranger = make_organization(name="Other")
        for known in (made, "nothing"):
            path = f"organizations/{other.id}/invitations/{known}"
            assert api.delete(path, token=stranger.access_token).status == 404
        assert pending(organization) == [GUEST]

    def test_what_is_there_is_seen_and_removed_while_nothing_is_paid(self, api: ApiClient) -> None:
        organization, owner = make_organization()
        made = invite(owner, organization, GUEST).json["id"]
        set_tier(user=owner.user, tier=Tier.FREE)
        path = f"organizations/{organization.id}/invitations"
        assert api.get(path, token=owner.access_token).json["total"] == 1
        assert api.delete(f"{path}/{made}", token=owner.access_token).status == 204
