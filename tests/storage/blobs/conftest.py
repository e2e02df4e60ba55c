"""Both stores, and what looks behind them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config

from storage.blobs.files import UNFINISHED, FileBlobStore
from storage.blobs.port import BlobStore
from storage.blobs.s3.store import S3BlobStore
from tests.fakes.moto_server import MotoServer
from tests.fakes.s3_server import LoopbackS3
from tests.storage.blobs.faults import SILENT, store_at

BUCKET = "sealed"
PART_BYTES = 5 * 1024 * 1024  # what S3 takes at least for any part but the last


class Backend(Protocol):
    store: BlobStore

    def stored(self) -> dict[str, bytes]:
        """Every blob there is, read without the store."""

    def unfinished(self) -> int:
        """Temporary files or multipart uploads that are there."""

    def outside(self) -> list[str]:
        """What lies where no blob belongs."""


@dataclass
class Files:
    store: BlobStore
    folder: Path

    def stored(self) -> dict[str, bytes]:
        root = self.folder / "blobs"
        files = [file for file in root.rglob("*") if file.is_file() and UNFINISHED not in file.parts]
        return {str(file.relative_to(root)): file.read_bytes() for file in files}

    def unfinished(self) -> int:
        area = self.folder / "blobs" / UNFINISHED
        return len(list(area.iterdir())) if area.exists() else 0

    def outside(self) -> list[str]:
        return [file.name for file in self.folder.iterdir() if file.name != "blobs"]


@dataclass
class Objects:
    store: BlobStore
    client: Any
    bucket: str

    def stored(self) -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {one["Key"]: self.client.get_object(Bucket=self.bucket, Key=one["Key"])["Body"].read() for one in found}

    def unfinished(self) -> int:
        return len(self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))

    def outside(self) -> list[str]:
        return [one["Name"] for one in self.client.list_buckets()["Buckets"] if one["Name"] != self.bucket]


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


def admin_client(endpoint_url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "around"
    folder.mkdir()
    return Files(FileBlobStore(folder / "blobs"), folder)


@pytest.fixture(scope="session")
def _bucket(moto_server: MotoServer) -> Objects:
    """Made once: a client of botocore takes a while, and so does moto's own reset."""
    client = admin_client(moto_server.url)
    client.create_bucket(Bucket=BUCKET)
    store = S3BlobStore(
        bucket=BUCKET,
        endpoint_url=moto_server.url,
        access_key="test",
        secret_key="test",
        part_bytes=PART_BYTES,
    )
    return Objects(store, client, BUCKET)


@pytest.fixture
def objects(_bucket: Objects, moto_server: MotoServer) -> Objects:
    """An empty bucket."""
    client = _bucket.client
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        client.abort_multipart_upload(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"])
    moto_server.asked.clear()
    return _bucket


@pytest.fixture(params=["files", "objects"])
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def store(backend: Backend) -> BlobStore:
    return backend.store


@pytest.fixture(scope="session")
def _s3() -> Iterator[LoopbackS3]:
    with LoopbackS3() as server:
        yield server


@pytest.fixture
def s3(_s3: LoopbackS3) -> LoopbackS3:
    """The server that fails on request; here it is empty and well."""
    _s3.forget()
    return _s3


@pytest.fixture(scope="session")
def _patient(_s3: LoopbackS3) -> S3BlobStore:
    return store_at(_s3.url)


@pytest.fixture(scope="session")
def _impatient(_s3: LoopbackS3) -> S3BlobStore:
    return store_at(_s3.url, timeout_seconds=1)


@pytest.fixture
def s3_store(request: pytest.FixtureRequest) -> S3BlobStore:
    """Tries once. Impatient where the test's fault is a silence; elsewhere a slow machine must not look like one."""
    callspec = getattr(request.node, "callspec", None)
    fault = callspec.params.get("fault") if callspec else None
    silent = fault is not None and fault.kind in SILENT
    chosen: S3BlobStore = request.getfixturevalue("_impatient" if silent else "_patient")
    return chosen


@pytest.fixture(scope="session")
def _persistent(_s3: LoopbackS3) -> S3BlobStore:
    return store_at(_s3.url, attempts=2)


@pytest.fixture
def s3_persistent(s3: LoopbackS3, _persistent: S3BlobStore) -> S3BlobStore:
    """Tries twice, as the real one does."""
    return _persistent
