"""``GET /backup/history`` and ``DELETE /backup/{id}``."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.backups.snapshots import allow, assert_nothing_is_kept_of, blobs_of, put, store, used_bytes
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # an upload gives its connection back
MakeUser = Callable[..., Account]


@pytest.fixture
def account(make_user: MakeUser) -> Account:
    return make_user(tier="team")


def history(api: ApiClient, account: Account, query: str = "") -> Any:
    return api.get(f"backup/history{query}", token=account.access_token).json


def delete(api: ApiClient, account: Account, id_: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.delete(f"backup/{id_}", token=account.access_token, headers=named)


def test_the_history_is_empty_at_first(api: ApiClient, account: Account) -> None:
    assert history(api, account) == {"items": [], "total": 0, "page": 1, "limit": 50}


def test_the_history_lists_the_newest_first_with_what_an_upload_answered(api: ApiClient, account: Account) -> None:
    metas = [store(api, account, body) for body in (b"one", b"two", b"three")]
    assert history(api, account) == {"items": metas[::-1], "total": 3, "page": 1, "limit": 50}


def test_pages_follow_each_other(api: ApiClient, account: Account) -> None:
    newest_first = [store(api, account)["id"] for _ in range(5)][::-1]
    pages = [history(api, account, f"?limit=2&page={page}") for page in (1, 2, 3, 4)]
    assert [[item["id"] for item in page["items"]] for page in pages] == [
        newest_first[:2],
        newest_first[2:4],
        newest_first[4:],
        [],
    ]
    assert {(page["total"], page["limit"]) for page in pages} == {(5, 2)}
    assert history(api, account, "?limit=1000")["limit"] == 200


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?limit=0", "?limit=-1"])
def test_a_page_that_cannot_be_is_400(api: ApiClient, account: Account, query: str) -> None:
    answer = api.get(f"backup/history{query}", token=account.access_token)
    assert (answer.status, answer.code) == (400, "validation_error")


def test_a_deleted_snapshot_is_gone_with_its_bytes_and_its_weight(api: ApiClient, account: Account) -> None:
    gone, kept = store(api, account, b"gone"), store(api, account, b"kept!")
    answer = delete(api, account, gone["id"])
    assert (answer.status, answer.content) == (204, b"")
    assert used_bytes(account.user.id) == 5
    assert list(blobs_of(account.user.id).values()) == [b"kept!"]
    assert [item["id"] for item in history(api, account)["items"]] == [kept["id"]]
    for method in ("GET", "DELETE"):
        assert api.request(method, f"backup/{gone['id']}", token=account.access_token).code == "not_found"


def test_the_last_deletion_leaves_nothing(api: ApiClient, account: Account) -> None:
    assert delete(api, account, store(api, account)["id"]).status == 204
    assert_nothing_is_kept_of(account)
    assert api.get("backup", token=account.access_token).code == "not_found"


def test_a_deletion_makes_room(api: ApiClient, account: Account) -> None:
    allow(account, 100)
    old = store(api, account, b"x" * 100)
    assert put(api, account, b"y").status == 402
    assert delete(api, account, old["id"]).status == 204
    store(api, account, b"y" * 100)


def test_who_is_over_the_quota_may_read_and_delete(api: ApiClient, account: Account) -> None:
    """After a downgrade, say."""
    first, second = store(api, account, b"one"), store(api, account, b"two")
    allow(account, 0)
    assert put(api, account, b"").status == 402
    assert api.get("backup", token=account.access_token).content == b"two"
    assert delete(api, account, first["id"]).status == 204
    assert [item["id"] for item in history(api, account)["items"]] == [second["id"]]


def test_a_deletion_of_another_state_is_412(api: ApiClient, account: Account) -> None:
    meta = store(api, account)
    answer = delete(api, account, meta["id"], If_Match='"other"')
    assert (answer.status, answer.code) == (412, "precondition_failed")
    assert answer.json["etag"] == answer.headers["ETag"] == f'"{meta["checksum"]}"'
    assert delete(api, account, meta["id"], If_Match=answer.json["etag"]).status == 204


def test_a_deletion_that_cannot_remove_the_bytes_is_one_all_the_same(
    api: ApiClient, account: Account, blob_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The reaper will."""
    meta = store(api, account)
    folder = blob_folder / str(account.user.id) / "_backup"
    folder.rename(blob_folder / "elsewhere")
    folder.symlink_to(folder)  # the operating system goes round in circles, and says so
    assert delete(api, account, meta["id"]).status == 204
    assert (used_bytes(account.user.id), history(api, account)["total"]) == (0, 0)
    assert "a blob is left for reap_storage" in caplog.text


def test_servers_of_the_version_before_find_their_columns_while_it_is_upgraded() -> None:
    """They run on until ``migrate`` is through, and read and write ``latest_again_at``."""
    statements = io.StringIO()
    call_command("sqlmigrate", "backups", "0002", stdout=statements)
    assert "ALTER" not in statements.getvalue()
    with connection.cursor() as cursor:
        columns = {column.name for column in connection.introspection.get_table_description(cursor, "backup_metadata")}
    assert "latest_again_at" in columns
