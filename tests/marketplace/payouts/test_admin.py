"""The books in the admin: to look at, for whoever may."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from marketplace.models import DeveloperAccount, LedgerEntry, RevenueEvent, Transfer
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

LISTS = ["revenueevent", "ledgerentry", "transfer", "paymentreturn", "developeraccount"]


@pytest.fixture
def sale(developer: Account) -> RevenueEvent:
    sales.make_payable(developer.user)
    sold = sales.sell(author=developer.user, cents=499)
    sales.deliver(sales.charge_refunded(sales.payment_of(sold), total=100))
    Transfer.objects.update(attempts=3, last_failure="upstream_error")
    return sold


@pytest.fixture
def visit(make_user: Callable[..., Account]) -> Callable[..., Any]:
    def get(path: str, *, superuser: bool = False, permissions: tuple[str, ...] = ()) -> Any:
        user = make_user().user
        user.is_staff, user.is_superuser = True, superuser
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        browser = Client()
        browser.force_login(user)
        return browser.get(f"/admin/marketplace/{path}")

    return get


@pytest.mark.usefixtures("sale")
@pytest.mark.parametrize("name", LISTS)
def test_a_superuser_sees_every_list_and_may_add_nothing(visit: Callable[..., Any], name: str) -> None:
    assert visit(f"{name}/", superuser=True).status_code == 200
    assert visit(f"{name}/add/", superuser=True).status_code == 403


@pytest.mark.usefixtures("sale")
@pytest.mark.parametrize("name", LISTS)
def test_staff_see_what_they_are_permitted_to(visit: Callable[..., Any], name: str) -> None:
    assert visit(f"{name}/").status_code == 403
    assert visit(f"{name}/", permissions=(f"view_{name}",)).status_code == 200


def test_a_sale_shows_what_was_given_back_of_it(
    visit: Callable[..., Any], sale: RevenueEvent, developer: Account
) -> None:
    whole = sales.sell(author=developer.user, cents=600)
    sales.deliver(sales.charge_refunded(sales.payment_of(whole), total=600))
    stands = sales.sell(author=developer.user, cents=700)
    assert b"\xe2\x82\xac1.00" in visit("revenueevent/", superuser=True).content
    for chosen, expected in (("nothing", stands), ("part", sale), ("all", whole)):
        page = visit(f"revenueevent/?given_back={chosen}", superuser=True)
        assert list(page.context_data["cl"].queryset) == [expected]


def test_stripes_reasons_are_in_the_lists(visit: Callable[..., Any], sale: RevenueEvent) -> None:
    Transfer.objects.update(last_reason="insufficient_capabilities_for_transfer")
    DeveloperAccount.objects.update(
        payouts_enabled=False, is_restricted=True, disabled_reason="rejected.fraud", requirements=["external_account"]
    )
    assert b"upstream_error: insufficient_capabilities_for_transfer" in visit("transfer/", superuser=True).content
    page = visit("developeraccount/", superuser=True).content
    for word in (b"Restricted", b"rejected.fraud", b"external_account"):
        assert word in page


def test_nothing_can_be_changed_or_deleted(visit: Callable[..., Any], sale: RevenueEvent) -> None:
    entry = LedgerEntry.objects.filter(revenue_event=sale)[0]
    page = visit(f"ledgerentry/{entry.pk}/change/", superuser=True)
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert visit(f"ledgerentry/{entry.pk}/delete/", superuser=True).status_code == 403


def test_failing_transfers_are_a_filter_away(visit: Callable[..., Any], sale: RevenueEvent) -> None:
    failing = visit("transfer/?state=failing", superuser=True).content.decode()
    assert sale.plugin_id in failing
    assert "upstream_error" in failing
    for other in ("waiting", "done"):
        assert sale.plugin_id not in visit(f"transfer/?state={other}", superuser=True).content.decode()


def test_amounts_are_shown_in_euros(visit: Callable[..., Any], sale: RevenueEvent) -> None:
    shown = visit("ledgerentry/", superuser=True).content.decode()
    assert "-€4.99" in shown
    assert "€3.49" in shown
    assert "€4.99" in visit(f"revenueevent/?q={sale.plugin_id}", superuser=True).content.decode()
