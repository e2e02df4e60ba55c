"""Invitations: who makes them, what their mail says, who accepts them, and what they cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as django_mail
from django.test import Client

from accounts.models import MailToken, User, hash_of
from accounts.organizations.invitations.service import LIFETIME, accept_invitation
from accounts.organizations.members.service import provision_account
from accounts.organizations.models import (
    AuditEntry,
    AuditVia,
    Invitation,
    InvitationState,
    InvitationToken,
    Membership,
    Organization,
    Role,
)
from adiuva.mail.jobs import send
from adiuva.mail.models import Dropped, OutgoingMail
from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.organizations.actions import accept, audited, invite, invited, remove, token_for
from tests.accounts.recovery.actions import use, verify_token
from tests.support.accounts import Account, make_account
from tests.support.client import ApiClient
from tests.support.mailbox import token_in
from tests.support.organizations import join, make_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
GUEST = "guest@example.com"


def mailed() -> list[Any]:
    """Sends what waits, as the job does; what went out."""
    before = len(django_mail.outbox)
    for waiting in OutgoingMail.objects.filter(kind="invitation", sent_at=None, dropped_at=None).order_by("created_at"):
        send(mail_id=str(waiting.id))
    return django_mail.outbox[before:]


def pending(organization: Organization) -> list[str]:
    return [invitation.email for invitation in Invitation.objects.filter(organization=organization, state="pending")]


def expire(**which: str) -> None:
    now = datetime.now(UTC)
    Invitation.objects.filter(**which).update(created_at=now - LIFETIME, expires_at=now)


def seats(organization: Organization, number: int) -> None:
    Subscription.objects.filter(organization=organization).update(seats=number)


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

    def test_without_a_mail_server_nobody_is_invited(self, settings: Any) -> None:
        organization, owner = make_organization()
        settings.IS_PROD, settings.EMAIL_URL = True, ""
        refused = invite(owner, organization, GUEST)
        assert (refused.status, refused.code) == (503, "not_configured")
        assert not Invitation.objects.exists()


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
