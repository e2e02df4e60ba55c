"""``CompiledWrites`` writes what ``save()`` writes, without making its SQL again."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Model
from django.db.models.sql.compiler import SQLInsertCompiler, SQLUpdateCompiler

from adiuva.db.compiled_writes import CompiledWrites
from storage.models import StorageRecord, StorageUsage
from tests.support.accounts import Account, make_account

pytestmark = pytest.mark.django_db

RECORDS = CompiledWrites(StorageRecord)
USAGE = CompiledWrites(StorageUsage)
NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def account() -> Account:
    return make_account()


def record_of(account: Account, *, seq: int, **values: Any) -> StorageRecord:
    id_ = uuid.uuid4()
    common: dict[str, Any] = {
        "table_name": "notes",
        "s3_key": f"{account.user.id}/notes/{id_}",
        "checksum": "ab" * 32,
        "size_bytes": 2**40,
        "revision": 1,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return StorageRecord(user_id=account.user.id, id=id_, seq=seq, **common | values)


def columns_of(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_an_insertion_is_what_save_inserts(account: Account) -> None:
    ours, saved = record_of(account, seq=1, dated_at=NOW), record_of(account, seq=2)
    RECORDS.insert(ours)
    saved.save(force_insert=True)

    stored = {record.id: columns_of(record) for record in StorageRecord.objects.for_user(account.user.id)}
    assert stored == {ours.id: columns_of(ours), saved.id: columns_of(saved)}
    assert not ours._state.adding
    ours.refresh_from_db()


def test_an_update_is_of_every_column_and_of_one_row(account: Account) -> None:
    record, other = record_of(account, seq=1), record_of(account, seq=2)
    for row in (record, other):
        RECORDS.insert(row)
    before = columns_of(other)
    record.s3_key, record.size_bytes, record.deleted_at = None, 0, NOW + timedelta(days=1)
    record.revision, record.seq = 2, 3
    RECORDS.update(record)

    stored = {row.id: columns_of(row) for row in StorageRecord.objects.for_user(account.user.id)}
    assert stored == {record.id: columns_of(record), other.id: before}


def test_an_update_keeps_the_time_of_it(account: Account) -> None:
    usage = StorageUsage.objects.create(user=account.user)
    before = usage.updated_at
    usage.storage_bytes = 7
    USAGE.update(usage)

    stored = StorageUsage.objects.get(user=account.user)
    assert (stored.storage_bytes, stored.updated_at) == (7, usage.updated_at)
    assert stored.updated_at > before


def test_a_row_that_is_gone_is_not_made_again(account: Account) -> None:
    with pytest.raises(DatabaseError, match="gone"), transaction.atomic():
        USAGE.update(StorageUsage(user=account.user))
    assert not StorageUsage.objects.filter(user=account.user).exists()


def test_what_the_database_refuses_breaks_the_transaction(account: Account) -> None:
    RECORDS.insert(record_of(account, seq=1))
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            RECORDS.insert(record_of(account, seq=1))
        assert transaction.get_rollback()


def test_the_sql_is_made_once(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def compiles(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(SQLInsertCompiler, "as_sql", compiles)
    monkeypatch.setattr(SQLUpdateCompiler, "as_sql", compiles)
    record = record_of(account, seq=1)
    RECORDS.insert(record)
    record.revision = 2
    RECORDS.update(record)
    assert StorageRecord.objects.for_user(account.user.id).get().revision == 2
