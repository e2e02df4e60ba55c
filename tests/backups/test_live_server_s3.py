"""Snapshots on the real server with a bucket behind it."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.backups.raw_client import BACKUP, MIB, Owner, blob_folder, connections, eventually, reset
from tests.fakes.moto_server import MotoServer
from tests.support.raw_http import exchange, head
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow
ServerFactory = Callable[..., RunningServer]
BUCKET = "snapshots"
LARGE = secrets.token_bytes(MIB) * 32
ESTABLISHED, CLOSE_WAIT = "01", "08"


@pytest.fixture(scope="module")
def bucket() -> Iterator[MotoServer]:
    with MotoServer() as s3:
        client = boto3.client(
            "s3",
            endpoint_url=s3.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(proxies={}, s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=BUCKET)
        yield s3


@pytest.fixture
def owner(bucket: MotoServer, server_factory: ServerFactory) -> Owner:
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    server = server_factory(S3_BUCKET=BUCKET, S3_ENDPOINT_URL=bucket.url, S3_REGION="us-east-1", **credentials)
    owner = Owner.join(server)
    server.manage("set_tier", owner.member.email, "team")
    return owner


def connections_to(s3: MotoServer) -> int:
    """Of anybody on this machine, which is the server: open, or closed by the other side only."""
    port = f":{urlsplit(s3.url).port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(port) and row[3] in {ESTABLISHED, CLOSE_WAIT} for row in rows)


def test_readers_of_a_bucket_who_go_away_leave_no_connection(owner: Owner, bucket: MotoServer) -> None:
    server = owner.server
    before = written_files(server)
    path = owner.upload(LARGE).headers["Location"]
    part = owner.ask(f"GET {path}", "Range: bytes=1048570-1048580")
    assert (part.status, part.body) == (206, LARGE[1048570:1048581])
    idle = connections_to(bucket)
    with connections(server, 6) as readers:
        for reader in readers:
            reader.sendall(head(f"GET {path}", owner.member.bearer))
            assert reader.recv(1000).startswith(b"HTTP/1.1 200")
        assert connections_to(bucket) >= 6
        for number, reader in enumerate(readers):
            reset(reader) if number % 2 else reader.close()
    assert eventually(lambda: connections_to(bucket) <= idle)
    assert exchange(server, head(f"GET {BACKUP}", owner.member.bearer)).body == LARGE
    assert owner.ask(f"DELETE {path}").status == 204
    assert owner.used == 0
    assert written_files(server) == before


def written_files(server: RunningServer) -> list[Path]:
    """What lies in the blob folder, which is not the bucket."""
    folder = blob_folder(server)
    return sorted(file for file in folder.rglob("*") if file.is_file()) if folder.exists() else []
