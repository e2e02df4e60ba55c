"""What `new_epoch` does with accounts after the service went back to a backup."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from accounts.models import AccountExport, EmailChange, KeyRequest, LoginChallenge, MailToken, User
from accounts.organizations.models import AuditEntry, Invitation
from adiuva.mail.models import OutgoingMail
from tests.accounts.every_table import DAY, fill_every_table
from tests.support.accounts import Account, make_account
from tests.support.organizations import fill_organization

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def restored() -> str:
    said = io.StringIO()
    call_command("new_epoch", stdout=said)
    return said.getvalue()


def test_old_mails_are_not_sent_again_and_links_are_void(make_user: MakeUser) -> None:
    user = make_user().user
    fill_every_table(user)
    OutgoingMail.objects.all().delete()
    for age in (timedelta(hours=2), timedelta(days=20)):
        mail = OutgoingMail(kind="receipt", account_id=user.id, recipient=user.email)
        mail.created_at = datetime.now(UTC) - age
        if hasattr(mail, "next_try_at"):
            mail.next_try_at = mail.created_at
        mail.save()
    said = restored()
    assert "1 old mails are dropped, 1 links" in said
    (kept,) = OutgoingMail.objects.all()
    assert kept.created_at > datetime.now(UTC) - DAY
    assert MailToken.objects.get(purpose="change").ended_at is not None
    assert MailToken.objects.get(purpose="undo").ended_at is None
    assert EmailChange.objects.get().ended_at is not None
    assert LoginChallenge.objects.get().ended_at is not None
    assert KeyRequest.objects.count() == AccountExport.objects.count() == 0
    assert "0 old mails are dropped, 0 links of mails and 0 logins" in restored()
    assert User.objects.filter(id=user.id, is_active=True).exists()


def test_invitations_are_withdrawn_and_their_organisation_can_read_it() -> None:
    organization = fill_organization("Acme", owner=make_account(tier="team").user)
    assert "1 invitations are withdrawn" in restored()
    assert not Invitation.objects.pending(datetime.now(UTC)).exists()
    entry = AuditEntry.objects.of_organization(organization.id).get(type="invitation_revoked")
    assert (entry.via, entry.actor, entry.target) == ("operator", None, str(Invitation.objects.get().id))
    assert "0 invitations are withdrawn" in restored()
