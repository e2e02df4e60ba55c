import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from billing.models import Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email="root@example.com", password="correct horse battery"))
    return client


@pytest.fixture
def subscription() -> Subscription:
    user = User.objects.create_user(email="ada@example.com", password="correct horse battery")
    return Subscription.objects.create(user=user, tier="power", stripe_subscription_id="sub_1")


@pytest.mark.parametrize("term", ["ada@", "sub_1"])
def test_staff_finds_a_subscription(admin: Client, subscription: Subscription, term: str) -> None:
    answer = admin.get(reverse("admin:billing_subscription_changelist"), {"q": term})
    assert answer.status_code == 200
    assert "ada@example.com" in answer.content.decode()


def test_staff_looks_at_a_subscription_and_cannot_change_it(admin: Client, subscription: Subscription) -> None:
    url = reverse("admin:billing_subscription_change", args=[subscription.pk])
    assert admin.get(url).status_code == 200
    assert admin.post(url, {"tier": "team"}).status_code == 403
    assert admin.get(reverse("admin:billing_subscription_add")).status_code == 403
    assert admin.post(reverse("admin:billing_subscription_delete", args=[subscription.pk])).status_code == 403
