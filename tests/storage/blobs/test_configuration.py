"""Which store the settings choose, what the checks say of half a configuration, and when the SDK is loaded."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from adiuva.api.errors import NotConfigured
from adiuva.observability import probes
from storage.blobs.factory import get_blob_store
from storage.blobs.files import FileBlobStore
from storage.blobs.port import BlobStore
from storage.blobs.s3.store import S3BlobStore
from storage.ops import check_object_store, check_vector_index
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.support.client import ApiClient
from tests.support.server import PROJECT_DIR, clean_environment

ON_S3 = {
    "S3_BUCKET": "sealed",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}


@pytest.fixture(autouse=True)
def _a_store_of_its_own(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield
    get_blob_store.cache_clear()


@pytest.fixture
def configure(settings: Any) -> Any:
    def set_all(**values: object) -> None:
        for name, value in values.items():
            setattr(settings, name, value)

    return set_all


def test_files_unless_a_bucket_is_named(configure: Any, s3: LoopbackS3) -> None:
    assert isinstance(get_blob_store(), FileBlobStore)
    get_blob_store.cache_clear()
    configure(**ON_S3 | {"S3_ENDPOINT_URL": s3.url})
    store = get_blob_store()
    assert isinstance(store, S3BlobStore)
    assert get_blob_store() is store
    store.upload("a1/x", [b"x"])
    assert s3.objects == {"a1/x": b"x"}


def test_the_first_requests_of_a_process_share_one_store(configure: Any, s3: LoopbackS3) -> None:
    configure(**ON_S3 | {"S3_ENDPOINT_URL": s3.url, "S3_TIMEOUT_SECONDS": 7.0})
    together = Barrier(8)

    def first(_: int) -> BlobStore:
        together.wait()
        return get_blob_store()

    with ThreadPoolExecutor(8) as threads:
        stores = list(threads.map(first, range(8)))
    assert len({id(store) for store in stores}) == 1


def test_a_bucket_without_keys_is_not_configured(configure: Any) -> None:
    configure(**ON_S3 | {"AWS_SECRET_ACCESS_KEY": ""})
    with pytest.raises(NotConfigured):
        get_blob_store()


@pytest.fixture
def patient_readiness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK loads at the first call, and a disk may be busy."""
    monkeypatch.setattr(probes, "READINESS_SECONDS", 20.0)


def _blobs_are(api: ApiClient) -> str:
    return str(api.get("health/ready").json["checks"]["blobs"])


@pytest.mark.django_db
@pytest.mark.usefixtures("patient_readiness")
def test_readiness_asks_the_folder(api: ApiClient, settings: Any, tmp_path: Path) -> None:
    assert _blobs_are(api) == "ok"
    (tmp_path / "file").write_bytes(b"")
    settings.BLOB_DIR = tmp_path / "file"
    get_blob_store.cache_clear()
    assert _blobs_are(api) == "failed"


@pytest.mark.django_db
@pytest.mark.usefixtures("patient_readiness")
def test_readiness_asks_the_bucket(api: ApiClient, configure: Any, s3: LoopbackS3) -> None:
    configure(**ON_S3 | {"S3_ENDPOINT_URL": s3.url})
    assert _blobs_are(api) == "ok"
    s3.fault("head_bucket", Fault("status", status=403))
    assert _blobs_are(api) == "failed"


@pytest.mark.thorough
@pytest.mark.django_db
@pytest.mark.usefixtures("patient_readiness")
def test_a_key_that_may_only_read_is_not_ready(api: ApiClient, configure: Any, s3: LoopbackS3) -> None:
    configure(**ON_S3 | {"S3_ENDPOINT_URL": s3.url, "S3_TIMEOUT_SECONDS": 9.0})  # a store of its own: nothing seen yet
    s3.fault("put_object", Fault("status", status=403, code="AccessDenied"))
    assert _blobs_are(api) == "failed"


NOTHING = dict.fromkeys(("S3_BUCKET", "S3_REGION", "S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        (ON_S3, []),
        (ON_S3 | {"S3_ENDPOINT_URL": "", "S3_REGION": "eu-central-1"}, []),
        (ON_S3 | {"S3_ENDPOINT_URL": ""}, ["storage.W002"]),
        (ON_S3 | {"AWS_ACCESS_KEY_ID": ""}, ["storage.E001"]),
        (ON_S3 | {"AWS_SECRET_ACCESS_KEY": ""}, ["storage.E001"]),
        ({"S3_BUCKET": "sealed"}, ["storage.E001", "storage.W002"]),
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:1"}, ["storage.W001"]),
        ({"S3_REGION": "eu-central-1"}, ["storage.W001"]),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, []),
    ],
)
def test_half_an_object_store_is_named(configure: Any, values: dict[str, str], found: list[str]) -> None:
    configure(**NOTHING | values)
    assert [message.id for message in check_object_store()] == found


def test_what_is_missing_is_named_and_what_is_secret_is_not(configure: Any) -> None:
    configure(**NOTHING | {"S3_BUCKET": "sealed", "AWS_ACCESS_KEY_ID": "canary"})
    text = " ".join(f"{message.msg} {message.hint}" for message in check_object_store())
    assert "AWS_SECRET_ACCESS_KEY" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        ({"PINECONE_API_KEY": "k"}, ["storage.E002"]),
        ({"PINECONE_API_KEY": "k", "PINECONE_INDEX": "i"}, []),
        ({"PINECONE_API_KEY": "k", "PINECONE_HOST": "h"}, []),
        ({"PINECONE_INDEX": "i"}, ["storage.W003"]),
        ({"PINECONE_HOST": "h"}, ["storage.W003"]),
    ],
)
def test_half_a_vector_index_is_named(configure: Any, values: dict[str, str], found: list[str]) -> None:
    configure(**dict.fromkeys(("PINECONE_API_KEY", "PINECONE_INDEX", "PINECONE_HOST"), "") | values)
    assert [message.id for message in check_vector_index()] == found


@pytest.mark.thorough
def test_a_check_of_the_configuration_loads_no_sdk(tmp_path: Path) -> None:
    program = (
        "import sys, django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check')\n"
        "print(sorted({'boto3', 'botocore', 'storages'} & set(sys.modules)))"
    )
    environment = ON_S3 | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "adiuva.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_DIR,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
