import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from djstripe import models as mirror

from accounts.models import User
from billing import alerts
from billing.models import OperatorAlert
from billing.stripe.djstripe.mirror import StripeCallForbiddenError
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import SECRET, T0, make_customer, receive

pytestmark = pytest.mark.django_db

SHOWN = ["customer", "event", "price", "product", "subscription"]


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email="root@example.com", password="correct horse battery"))
    return client


@pytest.fixture
def _mirror_rows(settings: pytest.FixtureRequest) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET  # type: ignore[attr-defined]
    user = User.objects.create_user(email="ada@example.com", password="correct horse battery")
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(user)))


def test_of_dj_stripes_admin_only_the_mirror_is_shown() -> None:
    registered = [model for model in apps.get_app_config("djstripe").get_models() if admin.site.is_registered(model)]
    assert sorted(model._meta.model_name or "" for model in registered) == SHOWN


@pytest.mark.usefixtures("_mirror_rows")
@pytest.mark.parametrize("model", SHOWN)
def test_staff_looks_at_the_mirror_and_changes_nothing(root: Client, model: str) -> None:
    (row,) = apps.get_model("djstripe", model).objects.all()
    listed = root.get(reverse(f"admin:djstripe_{model}_changelist"))
    assert row.id in listed.content.decode()
    page = reverse(f"admin:djstripe_{model}_change", args=[row.pk])
    assert row.id in root.get(page).content.decode()
    assert root.post(page, {"livemode": "true"}).status_code == 403
    assert root.get(reverse(f"admin:djstripe_{model}_add")).status_code == 403
    assert root.post(reverse(f"admin:djstripe_{model}_delete", args=[row.pk])).status_code == 403
    actions = root.post(
        reverse(f"admin:djstripe_{model}_changelist"), {"action": "_resync_instances", "_selected_action": [row.pk]}
    )
    assert actions.status_code in {200, 302, 403}
    assert type(row).objects.count() == 1


def test_api_keys_have_no_page(root: Client) -> None:
    assert root.get("/admin/djstripe/apikey/").status_code == 404
    assert root.get("/admin/djstripe/webhookendpoint/").status_code == 404


def test_an_operator_resolves_an_alert_and_the_same_one_may_come_again(root: Client) -> None:
    for _ in range(2):
        alerts.raise_alert(alerts.UNKNOWN_PRICE, reference="price_new", message="A price.")
    alert = OperatorAlert.objects.get()
    url = reverse("admin:billing_operatoralert_changelist")
    assert "price_new" in root.get(url).content.decode()
    assert root.post(url, {"action": "resolve", "_selected_action": [str(alert.pk)]}).status_code == 302
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    alerts.raise_alert(alerts.UNKNOWN_PRICE, reference="price_new", message="Again.")
    assert OperatorAlert.objects.filter(resolved_at=None).count() == 1


def test_staff_who_may_only_look_cannot_resolve(root: Client) -> None:
    from django.contrib.auth.models import Permission

    viewer = User.objects.create_user(email="viewer@example.com", password="correct horse battery", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_operatoralert"))
    alerts.raise_alert(alerts.UNKNOWN_PRICE, reference="price_new", message="A price.")
    alert = OperatorAlert.objects.get()
    client = Client()
    client.force_login(viewer)
    client.post(
        reverse("admin:billing_operatoralert_changelist"), {"action": "resolve", "_selected_action": [str(alert.pk)]}
    )
    alert.refresh_from_db()
    assert alert.resolved_at is None


@pytest.mark.usefixtures("_mirror_rows")
def test_dj_stripes_own_code_never_reaches_stripe() -> None:
    with pytest.raises(StripeCallForbiddenError):
        mirror.Subscription.objects.get().api_retrieve(api_key="sk_test_" + "1" * 24)


def test_a_system_check_asks_no_database(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        call_command("check")
