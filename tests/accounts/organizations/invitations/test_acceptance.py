"""Who accepts an invitation, and what that does."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from accounts.models import MailToken, User
from accounts.organizations.invitations.service import accept_invitation
from accounts.organizations.members.service import provision_account
from accounts.organizations.models import (
    AuditEntry,
    AuditVia,
    Invitation,
    InvitationState,
    Membership,
    Role,
)
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.organizations.actions import accept, invited, remove
from tests.accounts.organizations.invitations.waiting import GUEST, expire, pending, seats
from tests.accounts.recovery.actions import use, verify_token
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


class TestAcceptance:
    @pytest.mark.parametrize("role", Role.values)
    def test_makes_a_member_once(self, make_user: MakeUser, role: str) -> None:
        organization, owner = make_organization()
        guest = make_user()
        token = invited(owner, organization, guest.email, role)
        answer = accept(guest, token)
        assert answer.status == 200
        assert answer.json == {"id": str(organization.id), "name": "Acme", "seats": 5, "role": role}
        assert accept(guest, token).json["errors"].keys() == {"token"}
        entry = AuditEntry.objects.get(type="invitation_accepted")
        assert (entry.actor, entry.target_user, entry.via) == (guest.user, guest.user, "member")
        assert Invitation.objects.get().state == InvitationState.ACCEPTED

    @pytest.mark.parametrize("token", ["nothing", "x" * 128])
    def test_a_token_that_is_none(self, make_user: MakeUser, token: str) -> None:
        refused = accept(make_user(), token)
        assert (refused.status, list(refused.json["errors"])) == (400, ["token"])

    @pytest.mark.parametrize("body", [{}, {"token": 5}, {"token": ""}, {"token": "x" * 129}])
    def test_a_body_without_a_token(self, api: ApiClient, make_user: MakeUser, body: dict[str, object]) -> None:
        refused = api.post("invitations/accept", json=body, token=make_user().access_token)
        assert (refused.status, list(refused.json["errors"])) == (400, ["token"])

    def test_after_seven_days_it_is_too_late(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        token = invited(owner, organization, guest.email)
        expire()
        assert accept(guest, token).status == 400

    def test_with_another_address_it_is_refused_and_stays_good(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        token = invited(owner, organization, guest.email)
        refused = accept(make_user(), token)
        assert (refused.status, refused.code) == (403, "permission_denied")
        assert accept(guest, token).status == 200

    def test_an_address_in_another_spelling_is_the_same(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user(email="me@xn--mnchen-3ya.example")
        token = invited(owner, organization, "ME@m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.example")
        assert accept(guest, token).status == 200

    def test_having_the_link_verifies_the_address(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user(verified=False)
        verification = verify_token(guest)
        token = invited(owner, organization, guest.email)
        assert accept(guest, token).status == 200
        assert User.objects.get(id=guest.user.id).email_verified
        assert use(verification).status == 400
        assert not MailToken.objects.filter(ended_at=None).exists()

    def test_without_a_usable_token_of_ones_own_an_address_is_to_be_verified_first(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest, used = make_user(verified=False), make_user()
        others = invited(owner, organization, used.email)
        spent = invited(owner, organization, guest.email)
        Invitation.objects.filter(email=guest.email).update(state=InvitationState.REVOKED)
        for token in ("nothing", others, spent):
            refused = accept(guest, token)
            assert (refused.status, refused.code) == (403, "email_not_verified")
        assert not User.objects.get(id=guest.user.id).email_verified
        assert accept(used, others).status == 200

    def test_where_no_seat_is_free_it_stays_good(self, make_user: MakeUser) -> None:
        organization, owner = make_organization(seats=2)
        guest = make_user(verified=False)
        token = invited(owner, organization, guest.email)
        seats(organization, 1)
        refused = accept(guest, token)
        assert (refused.status, refused.code) == (402, "quota_exceeded")
        assert [refused.json[name] for name in ("resource", "limit", "used")] == ["seats", 1, 1]
        assert not User.objects.get(id=guest.user.id).email_verified
        seats(organization, 2)
        assert accept(guest, token).status == 200

    def test_while_nothing_is_paid_there_is_no_seat(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        token = invited(owner, organization, guest.email)
        set_tier(user=owner.user, tier=Tier.FREE)
        assert accept(guest, token).status == 402
        set_tier(user=owner.user, tier=Tier.TEAM)

    def test_who_is_in_another_organisation_leaves_that_one_first(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        other, _ = make_organization(name="Other")
        guest = join(other)
        token = invited(owner, organization, guest.email)
        refused = accept(guest, token)
        assert (refused.status, refused.code) == (409, "conflict")
        assert remove(guest, other, guest).status == 204
        assert accept(guest, token).status == 200

    def test_who_was_taken_back_by_a_directory_is_free_to_join(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        other, _ = make_organization(name="Other")
        guest = join(other)
        Membership.objects.filter(user=guest.user).update(active=False, deactivated_at=datetime.now(UTC))
        assert accept(guest, invited(owner, organization, guest.email)).status == 200
        assert Membership.objects.get(user=guest.user).organization == organization

    def test_who_a_directory_has_made_without_letting_them_in_is_still_invited(self) -> None:
        organization, owner = make_organization()
        token = invited(owner, organization, GUEST)
        made = provision_account(organization=organization, email=GUEST, via=AuditVia.SCIM, active=False)
        assert accept_invitation(user=made.user, token=token).active
        assert Membership.objects.get(user=made.user).active

    def test_of_invitations_to_two_organisations_the_first_accepted_counts(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        other, another = make_organization(name="Other")
        guest = make_user()
        first, second = (invited(by, one, guest.email) for by, one in ((owner, organization), (another, other)))
        assert accept(guest, first).status == 200
        assert accept(guest, second).status == 409
        assert pending(other) == [guest.email]

    def test_an_account_has_twenty_tries_a_minute(self, make_user: MakeUser) -> None:
        organization, owner = make_organization()
        guest = make_user()
        token = invited(owner, organization, guest.email)
        assert {accept(guest, "nothing").status for _ in range(20)} == {400}
        refused = accept(guest, token)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert pending(organization) == [guest.email]
