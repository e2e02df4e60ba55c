"""The whole service with its blobs in an object store that fails: what a client is answered, and what is counted."""

import hashlib
import itertools
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.blobs.bodies import MIB, sealed_bytes
from tests.storage.blobs.faults import name_of
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow  # a store that says nothing is waited for, many times over

BOUND_SECONDS = 30  # two tries of a second each, the pause between them and the cleaning up, generously
SMALL = sealed_bytes(100_000)
LARGE = sealed_bytes(20 * MIB)  # three parts


@pytest.fixture(scope="module")
def bucket() -> Iterator[LoopbackS3]:
    with LoopbackS3() as server:
        yield server


@pytest.fixture(scope="module")
def on_s3(
    bucket: LoopbackS3, server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    environment = server_environment | {
        "S3_BUCKET": "sealed",
        "S3_ENDPOINT_URL": bucket.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "canary-secret-key",
        "S3_TIMEOUT_SECONDS": "1",
    }
    running = RunningServer(folder=tmp_path_factory.mktemp("on-s3"), env=environment).start()
    yield running
    running.stop()


@pytest.fixture
def s3(bucket: LoopbackS3) -> LoopbackS3:
    bucket.forget()
    return bucket


@pytest.fixture(scope="module")
def _clients(on_s3: RunningServer) -> Iterator[Iterator[httpx.Client]]:
    """Two people in turn, so that nobody reaches the rate limit."""
    made = [_somebody(on_s3, f"on-s3-{number}-{on_s3.port}@example.com") for number in range(2)]
    yield itertools.cycle(made)
    for one in made:
        one.close()


def _somebody(server: RunningServer, email: str) -> httpx.Client:
    client = httpx.Client(base_url=f"{server.url}/api/v1/", timeout=BOUND_SECONDS)
    registered = client.post("auth/register", json={"email": email, "password": "correct horse battery"})
    assert registered.status_code == 201
    server.manage("set_tier", email, "team")
    client.headers["Authorization"] = f"Bearer {registered.json()['access_token']}"
    return client


@pytest.fixture
def client(_clients: Iterator[httpx.Client], s3: LoopbackS3) -> httpx.Client:
    """Somebody who has storage and nothing in it."""
    chosen = next(_clients)
    for record in chosen.get("storage/records").json()["items"]:
        assert chosen.delete(f"storage/records/{record['id']}").status_code == 204
    return chosen


def send(client: httpx.Client, body: bytes, *, method: str = "POST", path: str = "storage/records") -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(body).hexdigest()}
    started = time.monotonic()
    answer = client.request(method, path, params={"table_name": "tasks"}, content=body, headers=headers)
    assert time.monotonic() - started < BOUND_SECONDS
    return answer


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "canary" not in answer.text
    return (answer.status_code, answer.json()["code"]) == (status, code)


def nothing_is_stored(client: httpx.Client, s3: LoopbackS3) -> bool:
    quota = client.get("storage/quota").json()
    put = [change for change in client.get("storage/changes").json()["changes"] if change["op"] == "put"]
    total = client.get("storage/records").json()["total"]
    return (quota["storage"]["used_bytes"], put, total, s3.objects, s3.uploads) == (0, [], 0, {}, {})


FAULTS = [
    *(("put_object", SMALL, fault) for fault in (Fault("hang"), Fault("hang_after"), Fault("reset"))),
    ("put_object", SMALL, Fault("status", status=503, code="SlowDown")),
    ("put_object", SMALL, Fault("status", status=500)),
    *(("upload_part", LARGE, fault) for fault in (Fault("stall", after_bytes=MIB), Fault("reset", after_bytes=MIB))),
    ("complete_upload", LARGE, Fault("error_in_200")),
]
ANSWERS = {
    **dict.fromkeys(("hang", "hang_after", "stall"), (504, "upstream_timeout")),
    **dict.fromkeys(("reset", "error_in_200"), (502, "upstream_error")),
    "away": (503, "upstream_unavailable"),
}


@pytest.mark.parametrize(("operation", "body", "fault"), FAULTS, ids=name_of)
def test_an_upload_that_the_store_does_not_take_is_told_and_nothing_is_counted(
    client: httpx.Client, s3: LoopbackS3, operation: str, body: bytes, fault: Fault
) -> None:
    s3.fault(operation, fault)
    expected = ANSWERS["away"] if fault.code == "SlowDown" else ANSWERS.get(fault.kind, (502, "upstream_error"))
    assert is_problem(send(client, body), *expected)
    s3.behave()
    assert nothing_is_stored(client, s3)
    assert send(client, body).status_code == 201
    assert client.get("storage/quota").json()["storage"]["used_bytes"] == len(body)
    assert list(s3.objects.values()) == [body]


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_a_store_that_is_away_is_503_and_comes_back(
    client: httpx.Client, s3: LoopbackS3, on_s3: RunningServer, body: bytes
) -> None:
    with s3.away():
        assert is_problem(send(client, body), 503, "upstream_unavailable")
        ready = client.get("health/ready")
        assert (ready.status_code, ready.json()["checks"]["blobs"]) == (503, "failed")
    assert nothing_is_stored(client, s3)
    assert send(client, body).status_code == 201
    assert client.get("health/ready").json()["checks"]["blobs"] == "ok"


def test_a_replacement_that_fails_leaves_the_record_as_it_was(client: httpx.Client, s3: LoopbackS3) -> None:
    made = send(client, SMALL)
    path = f"storage/records/{made.json()['id']}"
    for operation, body in (("put_object", b"new"), ("complete_upload", LARGE)):
        s3.fault(operation, Fault("status", status=503, code="SlowDown"))
        assert is_problem(send(client, body, method="PUT", path=path), 503, "upstream_unavailable")
    s3.behave()
    kept = client.get(path)
    assert (kept.content, kept.headers["ETag"]) == (SMALL, made.headers["ETag"])
    assert list(s3.objects.values()) == [SMALL]
    assert s3.uploads == {}


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault("hang"), 504), (Fault("status", status=500), 502), (Fault("status", status=503, code="SlowDown"), 503)],
    ids=name_of,
)
def test_a_download_that_does_not_begin_is_a_problem(
    client: httpx.Client, s3: LoopbackS3, fault: Fault, status: int
) -> None:
    path = f"storage/records/{send(client, SMALL).json()['id']}"
    s3.fault("get_object", fault)
    assert is_problem(
        client.get(path), status, {502: "upstream_error", 503: "upstream_unavailable"}.get(status, "upstream_timeout")
    )
    s3.behave()
    assert client.get(path).content == SMALL


@pytest.mark.parametrize("kind", ["stall", "reset", "cut"])
@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=5-"}], ids=["whole", "range"])
def test_a_download_that_is_cut_is_cut_for_the_client_too(
    client: httpx.Client, s3: LoopbackS3, on_s3: RunningServer, kind: str, headers: dict[str, str]
) -> None:
    path = f"storage/records/{send(client, LARGE).json()['id']}"
    s3.fault("get_object", Fault(kind, after_bytes=3 * MIB))  # type: ignore[arg-type]
    started = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(path, headers=headers)
    assert time.monotonic() - started < BOUND_SECONDS
    assert "canary" not in on_s3.log_text()
    s3.behave()
    assert client.get(path).content == LARGE
