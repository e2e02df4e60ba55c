"""``POST /plugins/onboarding``, and the pages around it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections

from accounts.erasure import close_account
from billing.models import OperatorAlert
from marketplace.models import DeveloperAccount
from tests.billing.purchases import impatient
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient
from tests.support.thorough import thorough

pytestmark = pytest.mark.django_db


def begin(account: Account) -> Answer:
    return ApiClient().post("plugins/onboarding", token=account.access_token)


def path_of(answer: Answer) -> str:
    return urlsplit(answer.json["onboarding_url"]).path


def test_the_account_is_made_once_and_the_link_each_time(stripe_server: LoopbackStripe, developer: Account) -> None:
    first, second = begin(developer), begin(developer)
    assert (first.status, second.status) == (200, 200)
    assert first.json["onboarding_url"] != second.json["onboarding_url"]
    (account,) = stripe_server.world.all("account")
    assert account["metadata"] == {"user_id": str(developer.user.pk)}
    (call,) = stripe_server.calls("POST", "/v1/accounts")
    assert str(call.idempotency_key).startswith(f"connect:{developer.user.pk}:")
    assert DeveloperAccount.objects.get(user=developer.user).stripe_account_id == account["id"]


def test_stripe_is_not_told_the_address(stripe_server: LoopbackStripe, developer: Account) -> None:
    begin(developer)
    assert developer.email not in "".join(str(parse_qs(call.form)) for call in stripe_server.seen)


@pytest.mark.parametrize("kind", ["reset_after_commit", thorough("timeout_after_commit")])
def test_an_account_whose_answer_is_lost_is_the_account(
    stripe_server: LoopbackStripe, developer: Account, kind: Any
) -> None:
    stripe_server.fail(kind, method="POST", path="/v1/accounts", times=2)
    with impatient():
        assert begin(developer).status in {503, 504}
    assert begin(developer).status == 200
    assert len(stripe_server.world.all("account")) == 1


def test_who_lost_the_account_unnoticed_gets_another(stripe_server: LoopbackStripe, developer: Account) -> None:
    assert begin(developer).status == 200
    gone = DeveloperAccount.objects.get().stripe_account_id
    stripe_server.deauthorize(gone)  # and its event never comes
    assert [begin(developer).status, begin(developer).status] == [200, 200]
    assert DeveloperAccount.objects.get().stripe_account_id not in {gone, ""}
    assert not OperatorAlert.objects.filter(resolved_at=None).exists()


def test_an_account_that_stripe_knows_is_kept_when_it_gives_no_link(
    stripe_server: LoopbackStripe, developer: Account
) -> None:
    assert begin(developer).status == 200
    known = DeveloperAccount.objects.get().stripe_account_id
    stripe_server.fail("status", method="POST", path="/v1/account_links", status=403)
    assert begin(developer).status == 502
    assert DeveloperAccount.objects.get(deauthorized_at=None).stripe_account_id == known


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_several_requests_at_once_make_one_account(stripe_server: LoopbackStripe, developer: Account) -> None:
    def one() -> int:
        try:
            return begin(developer).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        statuses = [future.result() for future in [pool.submit(one) for _ in range(4)]]
    # Stripe refuses a key that is being used at the same moment, which is a 503 to try again.
    assert 200 in statuses
    assert set(statuses) <= {200, 503}
    assert len(stripe_server.world.all("account")) == DeveloperAccount.objects.count() == 1


@pytest.mark.usefixtures("prod_without_stripe")
def test_in_production_without_stripe_it_is_not_configured(developer: Account) -> None:
    answer = begin(developer)
    assert (answer.status, answer.code) == (503, "not_configured")


def test_an_account_that_is_being_deleted_gets_none(stripe_server: LoopbackStripe, developer: Account) -> None:
    from adiuva.api.errors import Conflict
    from marketplace.payouts.onboarding import begin_onboarding

    close_account(user=developer.user)
    with pytest.raises(Conflict):
        begin_onboarding(user=developer.user)
    assert not DeveloperAccount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_stripes_word_sends_what_waited(stripe_server: LoopbackStripe, developer: Account) -> None:
    """The whole way: sold, onboarded, told by the event, paid in the background."""
    sale = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sale), cents=499)
    begin(developer)
    (account,) = stripe_server.world.all("account")
    stripe_server.undelivered()
    stripe_server.enable_payouts(account["id"])
    sales.deliver(*stripe_server.undelivered())
    assert DeveloperAccount.objects.get().payouts_enabled
    sales.let_payouts_finish()
    assert [one["amount"] for one in stripe_server.world.all("transfer")] == [349]
    assert sale.transfers.filter(status="done").exists()


def test_the_endpoint_for_connected_accounts_has_a_secret_of_its_own(developer: Account, settings: Any) -> None:
    account = sales.make_payable(developer.user)
    told = sales.account_updated(account.stripe_account_id, payouts=False)
    settings.STRIPE_CONNECT_WEBHOOK_SECRET = ""
    sales.deliver(told, secret="whsec_of_connect", expected=400)
    settings.STRIPE_CONNECT_WEBHOOK_SECRET = "whsec_of_connect"
    sales.deliver(told, secret="whsec_of_another", expected=400)
    sales.deliver(told, secret="whsec_of_connect")
    sales.deliver(sales.account_updated(account.stripe_account_id, payouts=True, at=sales.T0 - 9))
    account.refresh_from_db()
    assert not account.payouts_enabled


def test_the_stubs_page_says_that_one_can_be_paid(developer: Account, api: ApiClient) -> None:
    page = path_of(begin(developer))
    shown = api.get(page)
    assert shown.status == 200
    assert b"Complete the onboarding" in shown.content
    assert not DeveloperAccount.objects.get().payouts_enabled
    assert api.post(page).status == 302
    assert DeveloperAccount.objects.get().payouts_enabled
    assert b"You can be paid" in api.get(page).content


def test_another_site_cannot_answer_for_one(developer: Account, api: ApiClient) -> None:
    page = path_of(begin(developer))
    assert api.post(page, headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert not DeveloperAccount.objects.get().payouts_enabled


def test_a_stubs_page_that_we_did_not_make_is_not_found(developer: Account, api: ApiClient) -> None:
    page = path_of(begin(developer))
    assert api.post(page[:-1] + ("a" if page[-1] != "a" else "b")).status == 404
    assert not DeveloperAccount.objects.get().payouts_enabled


def test_the_stubs_page_is_not_there_with_stripe(developer: Account, api: ApiClient, settings: Any) -> None:
    page = path_of(begin(developer))
    settings.STRIPE_SECRET_KEY = "sk_test_something"
    assert api.post(page).status == 404


def test_a_stubs_account_is_replaced_when_there_is_a_stripe(
    developer: Account, request: pytest.FixtureRequest, make_user: Callable[..., Account]
) -> None:
    begin(developer)
    assert DeveloperAccount.objects.get().stripe_account_id.startswith("acct_stub_")
    server: LoopbackStripe = request.getfixturevalue("stripe_server")
    assert begin(developer).status == 200
    assert DeveloperAccount.objects.get().stripe_account_id == server.world.all("account")[0]["id"]


@pytest.mark.parametrize("page", ["done", "again"])
def test_where_stripe_sends_the_browser_back_to(api: ApiClient, page: str) -> None:
    answer = api.get(f"/plugins/onboarding/{page}")
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
