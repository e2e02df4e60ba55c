"""Purchases and installations in the admin: found by what a customer can name."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from marketplace.models import Plugin, PluginInstallation, PluginPurchase
from marketplace.models.catalog import reporter_name_of
from tests.billing.stripe_events import event as stripe_event
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

MakeUser = Callable[..., Account]
pytestmark = pytest.mark.django_db

PURCHASES, INSTALLS = "/admin/marketplace/pluginpurchase/", "/admin/marketplace/plugininstallation/"
LISTS = ("view_pluginpurchase", "view_plugininstallation")


@pytest.fixture
def visit(make_user: MakeUser) -> Callable[..., Any]:
    def get(path: str, *permissions: str) -> Any:
        user = make_user().user
        user.is_staff = True
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        browser = Client()
        browser.force_login(user)
        return browser.get(path)

    return get


@pytest.fixture
def buyer(make_user: MakeUser) -> User:
    user = make_user(email="Grace.Hopper@example.com").user
    User.objects.filter(pk=user.pk).update(stripe_customer_id="cus_grace")
    user.refresh_from_db()
    return user


@pytest.fixture
def purchase(buyer: User, make_user: MakeUser) -> PluginPurchase:
    """Among others."""
    author = make_user().user
    for _ in range(2):
        own(sales.sell(author=author, buyer=make_user().user).purchase)
    sold: PluginPurchase = sales.sell(author=author, cents=750, buyer=buyer).purchase
    PluginPurchase.objects.filter(pk=sold.pk).update(checkout_session_id="cs_test_1")
    return own(sold)


def own(purchase: PluginPurchase) -> PluginPurchase:
    assert purchase.user is not None
    PluginInstallation.objects.create(
        plugin=purchase.plugin, user=purchase.user, version="1.0.0", installed_at=datetime.now(UTC)
    )
    return purchase


def found(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    return list(answer.context_data["cl"].result_list)


@pytest.mark.thorough
def test_it_is_found_by_everything_a_customer_or_stripe_can_name(
    visit: Callable[..., Any], purchase: PluginPurchase
) -> None:
    payment = str(purchase.payment_intent_id)
    sales.deliver(sales.charge_refunded(payment, total=100))
    sales.deliver(sales.refund(payment, "re_first", cents=100))
    terms = [
        "GRACE.hopper@example.com",
        "grace.hopper@",
        "cus_grace",
        payment,
        f"ch_{payment}",
        "re_first",
        "cs_test_1",
    ]
    terms += [purchase.plugin_id, purchase.plugin.name, str(purchase.pk)]
    for term in terms:
        assert found(visit(f"{PURCHASES}?q={term}", *LISTS, "view_user")) == [purchase], term
        [installation] = found(visit(f"{INSTALLS}?q={term}", *LISTS, "view_user"))
        assert (installation.user_id, installation.plugin_id) == (purchase.user_id, purchase.plugin_id), term
    for term in ("hopper@example.com", "cus_grac", payment[:-1], "pi_", "ch_", "nothing"):
        for path in (PURCHASES, INSTALLS):
            assert found(visit(f"{path}?q={term}", *LISTS, "view_user")) == [], term


def test_a_charge_of_which_nothing_was_given_back_is_found_by_stripes_event(
    visit: Callable[..., Any], purchase: PluginPurchase
) -> None:
    paid: dict[str, Any] = {
        "id": purchase.payment_intent_id,
        "object": "payment_intent",
        "amount_received": 750,
        "currency": "eur",
        "customer": "cus_grace",
        "latest_charge": "ch_untouched",
        "metadata": {},
        "status": "succeeded",
    }
    sales.deliver(stripe_event("payment_intent.succeeded", paid, created=sales.T0))
    assert found(visit(f"{PURCHASES}?q=ch_untouched", *LISTS)) == [purchase]
    assert found(visit(f"{PURCHASES}?q=ch_another", *LISTS)) == []


def test_a_row_says_what_was_paid_and_given_back_and_leads_on(
    visit: Callable[..., Any], purchase: PluginPurchase, buyer: User
) -> None:
    payment = str(purchase.payment_intent_id)
    sales.deliver(sales.charge_refunded(payment, total=250))
    every = (*LISTS, "view_user", "view_revenueevent", "review_plugins")
    for path in (f"{PURCHASES}?q={payment}", reverse("admin:marketplace_pluginpurchase_change", args=[purchase.pk])):
        page = visit(path, *every).content.decode()
        for shown in ("€7.50", "€2.50", payment, buyer.email):
            assert shown in page, (path, shown)
        assert "(&#x27;paid" not in page
        for route, pk in (
            ("accounts_user_change", buyer.pk),
            ("marketplace_plugin_change", purchase.plugin_id),
            ("marketplace_revenueevent_change", purchase.revenue_event.pk),
        ):
            assert reverse(f"admin:{route}", args=[pk]) in page, (path, route)


def test_who_may_not_see_users_neither_reads_nor_finds_an_address(
    visit: Callable[..., Any], purchase: PluginPurchase, buyer: User
) -> None:
    installation = PluginInstallation.objects.get(user=buyer)
    paths = [PURCHASES, INSTALLS]
    paths += [reverse("admin:marketplace_pluginpurchase_change", args=[purchase.pk])]
    paths += [reverse("admin:marketplace_plugininstallation_change", args=[installation.pk])]
    for path in paths:
        page = visit(path, *LISTS).content.decode()
        assert reporter_name_of(buyer.pk) in page
        assert buyer.email not in page
        assert str(buyer.pk) not in page
        assert buyer.email in visit(path, *LISTS, "view_user").content.decode()
    for path in (PURCHASES, INSTALLS):
        assert found(visit(f"{path}?q={buyer.email}", *LISTS)) == []
        assert len(found(visit(f"{path}?q=cus_grace", *LISTS))) == 1
        assert visit(f"{path}?q=cus_grace", "view_user").status_code == 403


def test_a_purchase_outlives_its_buyer(visit: Callable[..., Any], purchase: PluginPurchase) -> None:
    PluginPurchase.objects.filter(pk=purchase.pk).update(user=None)
    page = visit(f"{PURCHASES}?q={purchase.payment_intent_id}", *LISTS, "view_user").content.decode()
    assert "somebody who has left" in page


def test_the_lists_cost_the_same_for_many(visit: Callable[..., Any], make_user: MakeUser) -> None:
    author, counts = make_user().user, []
    for more in (1, 6):
        for _ in range(more):
            own(sales.sell(author=author, buyer=make_user().user).purchase)
        for path in (PURCHASES, INSTALLS):
            with CaptureQueriesContext(connection) as queries:
                visit(path, *LISTS, "view_user", "view_revenueevent", "review_plugins")
            counts.append(len(queries))
    assert counts[:2] == counts[2:]
    assert Plugin.objects.filter(author=author).count() == 7
