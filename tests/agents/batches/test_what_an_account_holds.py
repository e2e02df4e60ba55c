"""Batches in the export of an account, in its erasure, and in the admin."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from agents.batches.models import Batch, BatchRun
from tests.accounts.export.archives import document, export, opened
from tests.agents.batches.registry import ITEMS, SEALED, Device, sealed
from tests.support.accounts import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)  # an export gives its connection back
MakeDevice = Callable[..., Device]


def test_an_export_has_the_sealed_bytes_and_the_numbers(make_device: MakeDevice) -> None:
    device, stranger = make_device(tier="team"), make_device(tier="team")
    one, other = device.made(), device.made(**sealed(b"second"), state="paused")
    device.run(one["id"], outcome="failed", error_code="no_key")
    stranger.made(**sealed(b"a stranger's"))
    archive = opened(export(device.account).content)
    items = document(archive, "batches.json")["items"]
    assert [item["id"] for item in items] == [one["id"], other["id"]]
    assert [archive.read(item["file"]) for item in items] == [SEALED, b"second"]
    (run,) = items[0]["runs"]
    assert (run["outcome"], run["error_code"], run["total"]) == ("failed", "no_key", ITEMS["total"])
    assert "batches/" in archive.read("README.txt").decode()
    assert b"a stranger's" not in b"".join(archive.read(name) for name in archive.namelist())


def test_a_deleted_account_leaves_none(make_device: MakeDevice) -> None:
    device, stranger = make_device(), make_device()
    for one in (device, stranger):
        one.claim(one.made()["id"])
    assert device.ask("DELETE", "auth/me", json={"password": PASSWORD}).status == 202
    left = {str(stranger.account.user.id)}
    assert {str(user) for user in Batch.objects.values_list("user_id", flat=True)} == left
    assert {str(user) for user in BatchRun.objects.values_list("user_id", flat=True)} == left


def test_the_admin_shows_numbers_and_nothing_that_is_sealed(make_device: MakeDevice) -> None:
    device = make_device(tier="team")
    batch = device.made(**sealed(b"sealed-canary"))
    run = device.run(batch["id"], outcome="partial")
    row = Batch.objects.get()
    device.claim(device.made()["id"])
    root = Client()
    root.force_login(User.objects.create_superuser(email="root@example.com"))
    pages: dict[str, Any] = {
        f"/admin/batches/batch/?q={batch['id'][:8]}": batch["id"],
        f"/admin/batches/batch/{row.pk}/change/": batch["id"],
        "/admin/batches/batchrun/": run["run_id"],
        "/admin/batches/batchrun/?outcome__exact=partial": f"{ITEMS['done']} of {ITEMS['total']} done",
        "/admin/batches/batchrun/?outcome__exact=": "not finished",
        f"/admin/batches/batchrun/{run['run_id']}/change/": "partial",
    }
    for path, shown in pages.items():
        answer = root.get(path)
        assert answer.status_code == 200, path
        assert shown in answer.content.decode(), path
        assert b"sealed-canary" not in answer.content
        assert json.dumps(batch["spec"])[1:-1] not in answer.content.decode()
