"""A store may date a blob by the beginning of its upload: a long one can look old to the reaper before it counts."""

import uuid
from collections.abc import Callable

import pytest

from adiuva.api.errors import UpstreamUnavailable
from storage import staging
from storage.blobs.factory import get_blob_store
from storage.checksums import checksum_of
from storage.quota import Kind
from storage.staging import SealedBody, allowance_of, commit_usage, stage_blob
from tests.support.accounts import Account

BYTES = b"sealed"


@pytest.fixture
def begun(make_user: Callable[..., Account], monkeypatch: pytest.MonkeyPatch) -> tuple[Account, str]:
    monkeypatch.setattr(staging, "LOOK_AGAIN_AFTER_SECONDS", -1)
    account = make_user(tier="pro")
    return account, f"{account.user.id}/notes/{uuid.uuid4()}.{uuid.uuid4().hex}"


def test_a_long_upload_whose_blob_was_reaped_is_refused_at_its_commit(begun: tuple[Account, str]) -> None:
    account, key = begun
    body = SealedBody(parts=[BYTES], checksum=checksum_of(BYTES), declared_size=len(BYTES))
    allowance = allowance_of(account.user, Kind.STORAGE, max_bytes=100, declared=len(BYTES))
    commits = 0

    def commit() -> None:
        nonlocal commits
        with stage_blob(key=key, body=body, allowance=allowance) as sealed:
            get_blob_store().delete(key)  # between the upload and the lock
            with commit_usage(account.user.id, sealed):
                commits += 1

    with pytest.raises(UpstreamUnavailable):
        commit()
    assert commits == 0


def test_a_long_upload_whose_blob_is_there_counts(begun: tuple[Account, str]) -> None:
    account, key = begun
    body = SealedBody(parts=[BYTES], checksum=checksum_of(BYTES), declared_size=len(BYTES))
    allowance = allowance_of(account.user, Kind.STORAGE, max_bytes=100, declared=len(BYTES))
    with stage_blob(key=key, body=body, allowance=allowance) as sealed, commit_usage(account.user.id, sealed) as usage:
        usage.charge(Kind.STORAGE, added=sealed.size_bytes)
        assert usage.row.storage_bytes == len(BYTES)
