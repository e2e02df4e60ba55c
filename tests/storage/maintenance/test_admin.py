from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from backups.models import Backup
from storage.models import StorageUsage
from tests.storage.maintenance.stored_items import make_backup, make_record, make_version, run
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(email="root@example.com", password="correct horse battery"))
    return client


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user(tier="pro", email="ada@example.com").user


def test_staff_sees_who_stores_how_much_and_may_how_much(admin: Client, user: User) -> None:
    make_record(user, b"x" * 1536)
    make_version(user, b"x" * 3 * 1024)
    run("set_quota", user.email, "--backup", "7MiB")
    shown = admin.get(reverse("admin:storage_storageusage_changelist"), {"q": "ada@"}).content.decode()
    for text in ("ada@example.com", "1.5 KiB", "3 KiB", "5 GiB", "0 B", "7 MiB"):
        assert text in shown


def test_a_list_of_usage_costs_the_same_for_many(admin: Client, make_user: MakeUser, user: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(reverse("admin:storage_storageusage_changelist")).status_code == 200
        return len(captured)

    make_record(user)
    few = queries()
    for tier in ("free", "pro", "team"):
        StorageUsage.objects.create(user=make_user(tier=tier).user)
    assert queries() == few


@pytest.mark.parametrize("term", ["ada@", "id"])
def test_staff_finds_backups_and_not_their_place(admin: Client, user: User, term: str) -> None:
    backup = make_backup(user, b"x" * 2048)
    query = {"q": str(backup.id) if term == "id" else term}
    shown = admin.get(reverse("admin:backups_backup_changelist"), query).content.decode()
    assert str(backup.id) in shown
    assert "2 KiB" in shown
    page = admin.get(reverse("admin:backups_backup_change", args=[backup.pk])).content.decode()
    assert backup.checksum in page
    assert backup.s3_key not in page


@pytest.mark.parametrize("model", ["storage_storageusage", "backups_backup"])
def test_staff_looks_and_cannot_touch(admin: Client, user: User, model: str) -> None:
    make_record(user)
    backup = make_backup(user)
    key = backup.pk if model == "backups_backup" else user.pk
    url = reverse(f"admin:{model}_change", args=[key])
    assert admin.get(url).status_code == 200
    assert admin.post(url, {"storage_bytes": "0", "size_bytes": "0"}).status_code == 403
    assert admin.get(reverse(f"admin:{model}_add")).status_code == 403
    assert admin.post(reverse(f"admin:{model}_delete", args=[key])).status_code == 403
    assert (StorageUsage.objects.count(), Backup.objects.count()) == (1, 1)


@pytest.mark.parametrize("model", ["storage_storageusage", "backups_backup"])
def test_staff_without_the_permission_sees_nothing(model: str) -> None:
    client = Client()
    client.force_login(
        User.objects.create_user(email="staff@example.com", password="correct horse battery", is_staff=True)
    )
    assert client.get(reverse(f"admin:{model}_changelist")).status_code == 403
