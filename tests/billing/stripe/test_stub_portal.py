"""A subscription's life without Stripe: its portal, its invoices, and what time brings."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts import erasure
from accounts.models import User
from billing.models import BillingFact
from tests.accounts.concurrency import run_concurrently
from tests.billing.purchases import cancel, checkout
from tests.billing.stripe.portal_person import ORIGIN, Person, version_on
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

MONTH = timedelta(days=30)

pytestmark = pytest.mark.django_db


def events() -> list[str]:
    from djstripe.models import Event

    return sorted(Event.objects.values_list("type", flat=True))


@pytest.fixture
def person(api: ApiClient, make_user: MakeUser) -> Person:
    return Person(api, make_user())


@pytest.fixture
def subscriber(person: Person) -> Person:
    person.buy("pro")
    return person


# --- invoices ----------------------------------------------------------------------------------------------------


def test_who_has_bought_nothing_has_no_invoice_and_a_portal_all_the_same(person: Person) -> None:
    assert person.invoices() == []
    page = person.open_portal()
    assert "No plan" in page
    assert "There is none yet." in page
    assert "<button" not in page
    assert person.send(do="end", seen="x") == 302
    assert person.subscription()["status"] == "none"


def test_a_purchase_leaves_an_invoice_with_a_page_and_a_pdf(person: Person) -> None:
    person.buy("team", seats=3)
    (invoice,) = person.invoices()
    assert re.fullmatch(r"[0-9A-F]{8}-0001", invoice["number"])
    assert (invoice["status"], invoice["total_cents"], invoice["currency"]) == ("paid", 14700, "eur")
    assert datetime.now(UTC) - datetime.fromisoformat(invoice["created_at"]) < timedelta(minutes=1)
    page = person.browser.get(invoice["hosted_url"].removeprefix(ORIGIN)).content.decode()
    assert f"Invoice {invoice['number']}" in page
    assert "3 × Adiuva Team (at €49.00 / month)" in page
    assert "€147.00" in page
    assert "<button" not in page
    pdf = person.browser.get(invoice["pdf_url"].removeprefix(ORIGIN))
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert f'{invoice["number"]}.pdf"' in pdf.headers["Content-Disposition"]
    assert pdf.content.startswith(b"%PDF-1.4\n")
    assert "Total: €147.00".encode("cp1252") in pdf.content
    start = int(pdf.content.split(b"startxref\n")[1].split(b"\n")[0])
    assert pdf.content[start:].startswith(b"xref\n0 6\n")


def test_invoices_are_listed_newest_first_and_of_their_owner_only(
    subscriber: Person, api: ApiClient, make_user: MakeUser
) -> None:
    other = Person(api, make_user())
    other.buy("power")
    subscriber.press("next")
    subscriber.press("fail")
    shown = subscriber.invoices()
    assert [(one["number"][-4:], one["status"]) for one in shown] == [
        ("0003", "open"),
        ("0002", "paid"),
        ("0001", "paid"),
    ]
    assert [one["total_cents"] for one in other.invoices()] == [1900]
    assert all(one["number"] in subscriber.open_portal() for one in shown)


# --- an end, and taking it back ----------------------------------------------------------------------------------


def test_an_end_is_scheduled_and_taken_back_over_the_api(subscriber: Person) -> None:
    before = subscriber.subscription()
    ending = subscriber.end_at_period_end()
    assert ending.status == 200
    assert ending.json == before | {"cancel_at_period_end": True, "cancel_at": before["current_period_end"]}
    assert subscriber.end_at_period_end().json == ending.json == subscriber.subscription()
    assert "Ends on" in subscriber.open_portal()
    assert subscriber.resume().json == before
    again = subscriber.resume()
    assert (again.status, again.code) == (409, "conflict")
    assert subscriber.end_at_period_end().json == ending.json


def test_an_end_is_scheduled_and_taken_back_in_the_portal(subscriber: Person) -> None:
    before = subscriber.subscription()
    subscriber.press("end")
    ending = subscriber.subscription()
    assert ending == before | {"cancel_at_period_end": True, "cancel_at": before["current_period_end"]}
    assert subscriber.end_at_period_end().json == ending
    subscriber.press("resume")
    assert subscriber.subscription() == before
    assert subscriber.resume().status == 409


def test_the_scheduled_end_comes(subscriber: Person) -> None:
    subscriber.end_at_period_end()
    subscriber.press("next")
    shown = subscriber.subscription()
    assert (shown["tier"], shown["status"], shown["cancel_at_period_end"]) == ("free", "canceled", False)
    assert "customer.subscription.deleted" in events()
    assert subscriber.resume().status == 409
    assert "No plan" in subscriber.open_portal()
    assert len(subscriber.invoices()) == 1


# --- renewals ----------------------------------------------------------------------------------------------------


def test_a_paid_renewal_begins_the_next_period(subscriber: Person) -> None:
    first = datetime.fromisoformat(subscriber.subscription()["current_period_end"])
    subscriber.press("next")
    shown = subscriber.subscription()
    assert (shown["tier"], shown["status"]) == ("pro", "active")
    assert datetime.fromisoformat(shown["current_period_end"]) == first + MONTH


def test_a_failed_renewal_is_owed_and_can_be_paid(subscriber: Person, api: ApiClient) -> None:
    first = subscriber.subscription()
    subscriber.press("fail")
    owed = subscriber.subscription()
    assert (owed["tier"], owed["status"]) == ("pro", "past_due")
    assert owed["past_due_since"] is not None
    assert subscriber.invoices()[0]["status"] == "open"
    page = subscriber.browser.get(subscriber.owed_page())
    assert page.content.decode().count("Pay €9.00") == 1
    assert "Pay the open invoice" in subscriber.open_portal()
    # A checkout for what is owed leads to the same invoice.
    led = subscriber.browser.get(checkout(api, subscriber.account, "pro").json["checkout_url"].removeprefix(ORIGIN))
    assert led.context["number"] == page.context["number"]
    path = subscriber.owed_page()
    for _ in range(2):  # a button pressed twice
        assert subscriber.browser.post(path).status_code == 302
    assert "Pay €9.00" not in subscriber.browser.get(path).content.decode()
    paid = subscriber.subscription()
    assert (paid["status"], paid["pay_url"], paid["past_due_since"]) == ("active", None, None)
    assert datetime.fromisoformat(paid["current_period_end"]) == (
        datetime.fromisoformat(first["current_period_end"]) + MONTH
    )
    assert [one["status"] for one in subscriber.invoices()] == ["paid", "paid"]
    assert events().count("invoice.paid") == 2
    assert events().count("invoice.payment_failed") == 1


def test_who_never_pays_loses_the_plan(subscriber: Person) -> None:
    subscriber.press("fail")
    path = subscriber.owed_page()
    subscriber.press("next")
    shown = subscriber.subscription()
    assert (shown["tier"], shown["status"], shown["pay_url"]) == ("free", "canceled", None)
    subscriber.browser.post(path)  # what is paid late brings nothing back
    assert subscriber.subscription() == shown
    assert [one["status"] for one in subscriber.invoices()] == ["paid", "paid"]


def test_another_tier_is_bought_while_one_is_owed(subscriber: Person) -> None:
    subscriber.press("fail")
    subscriber.buy("power")
    shown = subscriber.subscription()
    assert (shown["tier"], shown["status"], shown["pay_url"]) == ("power", "active", None)
    assert BillingFact.objects.filter(status="canceled").count() == 1


def test_what_is_owed_may_be_ended(subscriber: Person, api: ApiClient) -> None:
    subscriber.press("fail")
    assert subscriber.end_at_period_end().json["status"] == "past_due"
    assert subscriber.resume().json["status"] == "past_due"
    assert cancel(api, subscriber.account).json["tier"] == "free"


# --- seats and plans ---------------------------------------------------------------------------------------------


def test_seats_are_changed_and_billed_with_the_next_invoice(person: Person) -> None:
    person.buy("team", seats=3)
    assert person.subscription()["seats"] == 3
    person.press("seats", seats="5")
    assert person.subscription()["seats"] == 5
    assert "€245.00" in person.open_portal()
    person.press("next")
    assert [one["total_cents"] for one in person.invoices()] == [5 * 4900, 3 * 4900]


@pytest.mark.parametrize("seats", ["0", "-1", "1.5", "", "three", "10001", "9" * 5000])
def test_what_is_no_number_of_seats_changes_nothing(person: Person, seats: str) -> None:
    person.buy("team", seats=3)
    assert person.send_from_portal(do="seats", seats=seats) == 400
    assert person.subscription()["seats"] == 3


def test_only_team_has_seats(subscriber: Person) -> None:
    assert 'name="seats"' not in subscriber.open_portal()
    assert subscriber.send_from_portal(do="seats", seats="5") == 302
    assert subscriber.subscription()["seats"] == 1


def test_the_plan_is_changed(person: Person, settings: Any) -> None:
    settings.STRIPE_PRICES = settings.STRIPE_PRICES | {"pro": ("price_pro_monthly", "price_pro_annual")}
    person.buy("team", seats=3)
    person.press("price", price="price_pro_annual")
    shown = person.subscription()
    assert (shown["tier"], shown["seats"], shown["status"]) == ("pro", 1, "active")
    assert "€90.00" in person.open_portal()
    person.press("next")
    assert person.invoices()[0]["total_cents"] == 9000
    assert person.send_from_portal(do="price", price="price_of_theirs") == 400
    assert person.send_from_portal(do="unheard of") == 400


def test_a_plan_that_is_no_longer_sold_goes_on(subscriber: Person, settings: Any) -> None:
    settings.STRIPE_PRICES = settings.STRIPE_PRICES | {"pro": ("price_pro_2027",)}
    assert "no longer sold" in subscriber.open_portal()
    subscriber.press("next")
    shown = subscriber.subscription()
    assert (shown["tier"], shown["status"]) == ("pro", "active")
    assert [one["total_cents"] for one in subscriber.invoices()] == [900, 900]


# --- buttons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["next", "fail", "end"])
def test_a_button_of_an_old_page_does_nothing(subscriber: Person, what: str) -> None:
    seen = version_on(subscriber.open_portal())
    assert subscriber.send(do=what, seen=seen) == 302
    before, told = subscriber.subscription(), events()
    for other in (what, "next", "fail", "resume"):
        assert subscriber.send(do=other, seen=seen) == 302
    assert subscriber.subscription() == before
    assert events() == told


def test_much_is_done_within_a_second(subscriber: Person) -> None:
    for _ in range(3):
        subscriber.press("fail")
        subscriber.browser.post(subscriber.owed_page())
        subscriber.press("end")
        subscriber.press("resume")
        subscriber.press("next")
        assert subscriber.subscription()["status"] == "active"
    assert len(subscriber.invoices()) == 7


@pytest.mark.django_db(transaction=True)
def test_buttons_pressed_by_many_at_once_act_once(person: Person) -> None:
    person.buy("pro")
    seen = version_on(person.open_portal())
    answers = run_concurrently(*[lambda: Client().post(person.page, {"do": "fail", "seen": seen}).status_code] * 4)
    assert answers == [302] * 4
    assert len(person.invoices()) == 2
    path = person.owed_page()
    assert run_concurrently(*[lambda: Client().post(path).status_code] * 4) == [302] * 4
    assert person.subscription()["status"] == "active"
    assert events().count("invoice.paid") == 2


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(subscriber: Person) -> list[str]:
    """Of somebody who owes: the portal's, the invoice's and its PDF's."""
    subscriber.press("fail")
    return [subscriber.page, subscriber.owed_page(), f"{subscriber.owed_page()}/pdf"]


def _sign_anew(path: str) -> str:
    folder, _, token = path.removesuffix("/pdf").rpartition("/")
    salt = f"billing.stripe.stub.{folder.rsplit('/', 1)[-1]}"
    return f"{folder}/{signing.TimestampSigner(key='guessed', salt=salt).sign(token.split(':')[0])}"


def test_an_address_that_we_did_not_make_shows_and_does_nothing(subscriber: Person, pages: list[str]) -> None:
    portal, invoice, pdf = pages
    swapped = portal.replace("/portal/", "/invoice/"), invoice.replace("/invoice/", "/portal/")
    for path in (*swapped, _sign_anew(portal), _sign_anew(invoice), portal[:-1], invoice[:-1], pdf[:-5] + "/pdf"):
        assert subscriber.browser.get(path).status_code == 404, path
        assert subscriber.browser.post(path).status_code in {404, 405}, path
    assert subscriber.subscription()["status"] == "past_due"


def test_an_address_is_good_for_a_day_that_of_an_invoice_for_a_month(
    subscriber: Person, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_in(days: float) -> list[int]:
        with monkeypatch.context() as later:
            later.setattr("django.core.signing.time.time", lambda: datetime.now(UTC).timestamp() + days * 86_400)
            return [subscriber.browser.get(path).status_code for path in pages]

    assert answers_in(0.9) == [200, 200, 200]
    assert answers_in(1.1) == [404, 200, 200]
    assert answers_in(30.1) == [404, 404, 404]


@pytest.mark.parametrize("where", [{"IS_PROD": True}, {"STRIPE_SECRET_KEY": "sk_test_" + "x" * 24}])
def test_no_page_is_there_in_production_or_where_there_is_a_key(
    subscriber: Person, pages: list[str], settings: Any, where: dict[str, Any]
) -> None:
    for name, value in where.items():
        setattr(settings, name, value)
    for path in pages:
        assert subscriber.browser.get(path).status_code == 404
        assert subscriber.browser.post(path).status_code in {404, 405}
    assert subscriber.subscription()["status"] == "past_due"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_sites_form_does_nothing(subscriber: Person, pages: list[str], headers: dict[str, str]) -> None:
    portal, invoice, _ = pages
    seen = version_on(subscriber.open_portal())
    assert subscriber.browser.post(portal, {"do": "next", "seen": seen}, headers=headers).status_code == 403
    assert subscriber.browser.post(invoice, headers=headers).status_code == 403
    assert subscriber.subscription()["status"] == "past_due"


def test_the_pages_forbid_scripts_frames_and_keeping(subscriber: Person, pages: list[str]) -> None:
    for path in (*pages, "/billing/back", "/billing/stub/portal/x", "/billing/stub/invoice/x"):
        headers = subscriber.browser.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"], path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert "no-store" in headers["Cache-Control"]
        assert headers["Referrer-Policy"] == "same-origin"


def test_nothing_is_left_of_an_account_that_is_erased(subscriber: Person, pages: list[str]) -> None:
    user = User.objects.get(pk=subscriber.account.user.pk)
    erasure.close_account(user=user)
    assert [subscriber.browser.get(path).status_code for path in pages] == [404, 404, 404]
    erasure.erase(user_id=user.pk)
    assert [subscriber.browser.get(path).status_code for path in pages] == [404, 404, 404]
    assert events() == []
    assert not BillingFact.objects.exists()
