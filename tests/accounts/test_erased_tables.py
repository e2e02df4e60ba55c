"""Nothing of a deleted account stays, in any table that could name it."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from django.apps import apps
from django.db.models import Model

from accounts.models import User
from accounts.organizations.models import Organization
from adiuva.mail.models import OutgoingMail
from billing.subscriptions import set_tier
from billing.tiers import Tier
from marketplace.models import PluginReport, ReviewClaim, ReviewMessage
from tests.accounts.database_dump import whole_database
from tests.accounts.every_table import MARK, fill_every_table
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def paths_to_users() -> Iterator[tuple[type[Model], str]]:
    """Every table of accounts and their organisations, and of the reviewers' desk, with the foreign keys that lead from
    it to a user.
    """
    for model in (*apps.get_app_config("accounts").get_models(), *apps.get_app_config("organizations").get_models()):
        for field in model._meta.get_fields():
            if field.many_to_one or (field.one_to_one and field.concrete):
                target = field.related_model
                if target is User:
                    yield model, field.name
                elif model._meta.label in {"accounts.RefreshToken", "organizations.SsoSession"}:
                    yield model, "session__user"
                elif target is Organization:
                    yield model, "organization__members__user"
    yield from ((PluginReport, "user"), (ReviewMessage, "writer"), (ReviewClaim, "reviewer"))


def counts(user_id: UUID) -> dict[str, int]:
    found: dict[str, int] = {}
    for model, path in paths_to_users():
        found[f"{model._meta.label}.{path}"] = model._default_manager.filter(**{path: user_id}).count()
    found["mail.OutgoingMail"] = OutgoingMail.objects.filter(account_id=user_id).count()
    return found


def test_every_table_of_accounts_has_a_row_before_and_none_after(api: ApiClient, make_user: MakeUser) -> None:
    account, stays = make_user(), make_user()
    for one in (account, stays):
        fill_every_table(one.user)
        set_tier(user=one.user, tier=Tier.PRO)
    before = counts(account.user.id)
    assert len(before) >= 27
    assert [name for name, count in before.items() if not count] == [], "the fullest account has none of these"
    answer = api.delete("auth/me", json={"password": account.password}, token=account.access_token)
    assert answer.status == 202
    assert [name for name, count in counts(account.user.id).items() if count] == []
    assert all(counts(stays.user.id).values())
    held = whole_database()
    assert account.email not in held
    assert held.replace("-", "").count(account.user.id.hex) == 0
    assert MARK in held  # of the one that stays
    OutgoingMail.objects.filter(account_id=stays.user.id).delete()
    Organization.objects.all().delete()
    PluginReport.objects.all().delete()
    stays.user.delete()
    assert MARK not in whole_database()
