"""Every list of the admin, found in its registry: it asks as many questions for twenty rows as for one."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from djstripe import models as mirror

from accounts.models import SecurityEventType, User
from accounts.security_events.recording import record
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail
from agents.batches.models import Batch, BatchRun
from backups.models import BackupPolicy
from billing.alerts import raise_alert
from billing.models import KnownPrice
from chat.models import MonthlyBudget
from marketplace.models import PaymentReturn, PluginInstallation, PluginReport
from tests.support.accounts import TESTS
from tests.support.months import Months
from tests.support.organizations import fill_organization

pytestmark = [pytest.mark.django_db, pytest.mark.slow]  # twenty rows of everything
MANY = 20


@pytest.fixture
def root() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser(email="root@example.com"))
    return client


def mirror_customers(count: int) -> None:
    """What dj-stripe keeps of as many customers."""
    users, now = list(User.objects.all()[:count]), datetime.now(UTC)
    for n in range(count):
        about: dict[str, Any] = {"livemode": False, "created": now, "stripe_data": {}}
        customer = mirror.Customer.objects.create(id=f"cus_{n}", subscriber=users[n], **about)
        product = mirror.Product.objects.create(id=f"prod_{n}", name=f"Tier {n}", **about)
        mirror.Price.objects.create(id=f"price_{n}", product=product, active=True, **about)
        mirror.Subscription.objects.create(id=f"sub_{n}", customer=customer, **about)
        mirror.Event.objects.create(id=f"evt_{n}", type="invoice.paid", data={}, **about)


def queries_of(client: Client, path: str) -> tuple[int, int]:
    with CaptureQueriesContext(connection) as queries:
        answer: Any = client.get(path)
    assert answer.status_code == 200, path
    return len(queries), len(answer.context_data["cl"].result_list)


def test_no_list_asks_once_a_row(root: Client) -> None:
    months = Months(users=70, plugins=MANY)
    months.build()
    mirror_customers(MANY)
    now = datetime.now(UTC)
    for n in range(MANY):
        raise_alert("unknown_price", reference=f"another_{n}", message="A price for no tier.")
        Group.objects.create(name=f"Group {n}")
        record(SecurityEventType.LOGIN, user_id=months.users[n].id, origin=TESTS)
        send_mail(MailKind.VERIFICATION, to=f"{n}@example.com", locale="en", account_id=months.users[n].id)
        KnownPrice.objects.create(price_id=f"price_{n}", interval="month", tier="pro")
        MonthlyBudget.objects.create(user=months.users[n], month=date(2026, 2, 1), spent=n)
        batch = Batch.objects.create(
            user=months.users[n], spec=b"x", checksum="0" * 64, trigger="manual", state="paused", reason="user",
            created_at=now, updated_at=now,
        )  # fmt: skip
        BatchRun.objects.create(
            batch=batch, user=batch.user, slot="s", spec_revision=1, session_id=batch.public_id, started_at=now,
            lease_expires_at=now,
        )  # fmt: skip
        BackupPolicy.objects.create(user=months.users[n], keep_last=n + 1)
        fill_organization(f"Organisation {n}", owner=months.users[n])
        slug = f"helper-{n:02}"
        PluginReport.objects.create(
            plugin_id=slug, user=months.users[n], version="1.0.0", reason="malware", reported_at=now
        )
        PluginInstallation.objects.create(plugin_id=slug, user=months.users[n], version="1.0.0", installed_at=now)
        PaymentReturn.objects.create(
            stripe_id=f"re_more_{n}",
            payment_intent_id=f"pi_{n}",
            kind="refund",
            amount_cents=1,
            is_with_buyer=True,
            said_at=datetime.now(UTC),
        )
    models: list[type[Model]] = list(admin.site._registry)
    assert len(models) > 20
    for model in models:
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        first = model._default_manager.first()
        assert first is not None, path
        assert model._meta.pk is not None
        key = model._meta.pk.attname
        of_one, one = queries_of(root, f"{path}?{key}__exact={first.pk}")
        of_many, many = queries_of(root, path)
        assert (one, many >= MANY) == (1, True), (path, one, many)
        assert of_many <= of_one, (path, of_one, of_many)
        assert of_many <= 12, (path, of_many)
