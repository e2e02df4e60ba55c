from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from storage.blobs.factory import get_blob_store
from storage.uploads.receiving import digests
from tests.fakes.moto_server import MotoServer
from tests.storage.uploads.tus import TusDevice
from tests.support.accounts import Account
from tests.support.client import ApiClient

BUCKET = "resumed"


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture(scope="session")
def bucket(moto_server: MotoServer) -> Any:
    """The client that looks behind the store."""
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(autouse=True)
def blob_folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.BLOB_DIR = tmp_path / "blobs"
    get_blob_store.cache_clear()
    yield tmp_path / "blobs"
    get_blob_store.cache_clear()
    digests.forget()


@pytest.fixture
def in_bucket(settings: Any, bucket: Any, moto_server: MotoServer, blob_folder: Path) -> Any:
    """Blobs are objects from here on; gives what looks behind them."""
    settings.S3_BUCKET, settings.S3_ENDPOINT_URL, settings.S3_REGION = BUCKET, moto_server.url, ""
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
    get_blob_store.cache_clear()
    return bucket


@pytest.fixture(params=["files", "objects"])
def either_store(request: pytest.FixtureRequest) -> str:
    if request.param == "objects":
        request.getfixturevalue("in_bucket")
    return str(request.param)


@pytest.fixture
def new_tus(api: ApiClient, make_user: Callable[..., Account]) -> Callable[..., TusDevice]:
    return lambda tier="team": TusDevice(api, make_user(tier=tier))


@pytest.fixture
def tus(new_tus: Callable[..., TusDevice]) -> TusDevice:
    return new_tus()
