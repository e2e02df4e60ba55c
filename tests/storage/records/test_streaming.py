"""Bodies on their way, on the real server: what is refused is not read, what is cut off is not kept."""

import base64
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from storage.checksums import checksum_of
from tests.storage.records.conftest import Crowd
from tests.storage.records.devices import STREAM, files, form
from tests.storage.records.live_users import (
    MIB,
    LiveUser,
    begin_upload,
    bytes_written,
    make_live_users,
    nameless_files,
    post,
    put,
    send_what_is_taken,
    upload_head,
)
from tests.support.raw_http import RawAnswer, chunked, read_answer
from tests.support.server import RunningServer

CHECKSUM = f"X-Checksum: {'0' * 64}"
OCTETS = f"Content-Type: {STREAM}"
CHUNKED = "Transfer-Encoding: chunked"
LARGE = f"Content-Length: {50 * MIB}"
# Long, as real ones are: Django's parser ends a file at "--B" anywhere, which random bytes hold too often.
BOUNDARY = "sealed-bytes-of-a-record"
TYPES = (OCTETS, f"Content-Type: multipart/form-data; boundary={BOUNDARY}", "Content-Type: application/json")
FORM_START = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="blob"; filename="x"\r\n\r\n'.encode()
RECORDS = "/api/v1/storage/records"


@pytest.fixture(scope="module")
def small(
    server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], LiveUser]]:
    """People on a server that takes records of 1 MiB, with a folder of its own for temporary files."""
    folder = tmp_path_factory.mktemp("small")
    env = server_environment | {"MAX_RECORD_BYTES": str(MIB), "TMPDIR": str(folder)}
    running = RunningServer(folder=tmp_path_factory.mktemp("small-logs"), env=env).start()
    people = make_live_users(running, *[("team", None)] * 4)
    yield people.pop
    running.stop()


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# --- refused before the body ---


def answer_to_head(server: RunningServer, head: bytes) -> RawAnswer:
    """Nothing but the head is sent: an answer means that nothing else was waited for."""
    with begin_upload(server, head) as connection:
        return read_answer(connection, method="POST")


@pytest.mark.parametrize("size", [LARGE, CHUNKED], ids=["declared", "chunked"])
@pytest.mark.parametrize("content_type", TYPES)
def test_who_may_not_store_is_refused_before_the_body(
    server: RunningServer, crowd: Crowd, content_type: str, size: str
) -> None:
    free, team = crowd.free, crowd.team
    body = (content_type, size, CHECKSUM)
    missing = f"PUT {RECORDS}/{uuid.uuid4()}"
    with team.client() as client:
        record_id = post(client, b"first").json()["id"]

    answers = {
        "not_authenticated": answer_to_head(server, upload_head(None, *body)),
        "quota_exceeded": answer_to_head(server, upload_head(free, *body)),
        "not_found": answer_to_head(server, upload_head(team, *body, line=missing)),
        "precondition_failed": answer_to_head(
            server, upload_head(team, *body, 'If-Match: "x"', line=f"PUT {RECORDS}/{record_id}")
        ),
    }
    assert {code: answer.code for code, answer in answers.items()} == {code: code for code in answers}


def test_what_stands_beside_the_bytes_is_looked_at_before_them(server: RunningServer, crowd: Crowd) -> None:
    with crowd.team.client() as client:
        taken = post(client, b"first").json()["id"]
    team = crowd.team

    def answer(line: str, *headers: str) -> str:
        return answer_to_head(server, upload_head(team, LARGE, *headers, line=line)).code

    assert answer(f"POST {RECORDS}?table_name=notes", OCTETS) == "validation_error"
    assert answer(f"POST {RECORDS}?table_name=Notes", OCTETS, CHECKSUM) == "validation_error"
    assert answer(f"POST {RECORDS}?table_name=notes&id={taken}", OCTETS, CHECKSUM) == "conflict"
    assert answer(f"PUT {RECORDS}/{taken}?table_name=tasks", OCTETS, CHECKSUM) == "validation_error"
    assert answer(f"POST {RECORDS}?table_name=notes", "Content-Type: text/plain") == "unsupported_media_type"
    assert answer(f"POST {RECORDS}", "Content-Type: application/json") == "payload_too_large"


@pytest.mark.parametrize("content_type", TYPES[:2])
def test_a_body_that_says_it_does_not_fit_is_refused_before_it(
    server: RunningServer, crowd: Crowd, content_type: str
) -> None:
    answer = answer_to_head(server, upload_head(crowd.limited, content_type, LARGE, CHECKSUM))
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert answer.json["limit_bytes"] == 100_000
    assert 49 * MIB <= answer.json["requested_bytes"] <= 50 * MIB


@pytest.mark.thorough
def test_json_reaches_the_largest_record(server_factory: Callable[..., RunningServer]) -> None:
    """Base64 makes it four thirds as long: it must not be refused for its spelling."""
    largest = 5 * MIB
    [person] = make_live_users(server_factory(MAX_RECORD_BYTES=str(largest)), ("team", None))
    with person.client() as client:

        def send(size: int) -> httpx.Response:
            data = os.urandom(size)
            fields = {"table_name": "notes", "checksum": checksum_of(data), "blob": base64.b64encode(data).decode()}
            return client.post("records", json=fields)

        assert send(largest).status_code == 201
        refused = send(largest + 1)
        assert (refused.status_code, refused.json()["max_bytes"]) == (413, largest)


# --- what is refused is not written ---


@pytest.mark.parametrize("size", ["declared", "chunked"])
@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize(("who", "code"), [("nobody", "not_authenticated"), ("free", "quota_exceeded")])
def test_who_may_not_store_makes_the_server_write_nothing(
    server: RunningServer, crowd: Crowd, content_type: str, size: str, who: str, code: str
) -> None:
    person = crowd.free if who == "free" else None
    data = FORM_START + os.urandom(3 * MIB)
    head = upload_head(person, content_type, CHECKSUM, CHUNKED if size == "chunked" else f"Content-Length: {len(data)}")
    before = bytes_written(server)
    with begin_upload(server, head) as connection:
        send_what_is_taken(connection, chunked([data]) if size == "chunked" else data)
        assert read_answer(connection, method="POST").code == code
    assert bytes_written(server) - before < 200_000
    assert crowd.team.unfinished == []


@pytest.mark.parametrize("content_type", TYPES[:2])
def test_who_sends_more_than_fits_is_stopped_where_it_does_not(
    server: RunningServer, crowd: Crowd, content_type: str
) -> None:
    """Chunked, so that nothing says before how much it is."""
    data = FORM_START + os.urandom(3 * MIB)
    parts = [data[start : start + 50_000] for start in range(0, len(data), 50_000)]
    before = bytes_written(server)
    with begin_upload(server, upload_head(crowd.limited, content_type, CHECKSUM, CHUNKED)) as connection:
        send_what_is_taken(connection, chunked(parts))
        answer = read_answer(connection, method="POST")
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert answer.json["limit_bytes"] == 100_000
    assert bytes_written(server) - before < 300_000
    assert crowd.limited.unfinished == []
    assert crowd.limited.used_bytes() == 0


@pytest.mark.parametrize("content_type", TYPES[:2])
def test_a_record_over_max_record_bytes_is_stopped_and_leaves_nothing(
    small: Callable[[], LiveUser], content_type: str
) -> None:
    person = small()
    data = FORM_START + os.urandom(3 * MIB)
    for head, body in (
        (upload_head(person, content_type, CHECKSUM, f"Content-Length: {len(data)}"), b""),
        (upload_head(person, content_type, CHECKSUM, CHUNKED), chunked([data])),
        # within what the route takes with a form around it, but not what a record may be
        (upload_head(person, content_type, CHECKSUM, f"Content-Length: {3 * MIB // 2}"), data[: 3 * MIB // 2]),
    ):
        with begin_upload(person.server, head) as connection:
            send_what_is_taken(connection, body)
            assert read_answer(connection, method="POST").code == "payload_too_large"
    assert person.unfinished == []
    assert nameless_files(person.server.pid) == []
    assert files(Path(person.server.env["TMPDIR"])) == []


@pytest.mark.parametrize("as_", ["stream", "multipart"])
def test_a_record_may_be_exactly_max_record_bytes(small: Callable[[], LiveUser], as_: str) -> None:
    person, data = small(), os.urandom(MIB)
    with person.client() as client:
        answer = post(client, data) if as_ == "stream" else post_form(person, data)
    assert answer.status_code == 201, answer.text
    assert [file.read_bytes() for file in files(person.blobs)] == [data]


def post_form(person: LiveUser, data: bytes) -> httpx.Response:
    with person.client() as client:
        fields = {"table_name": "notes", "checksum": checksum_of(data)}
        return client.post("records", data=fields, files={"blob": ("sealed.bin", data)})


# --- cut off ---


@pytest.mark.parametrize("content_type", TYPES)
def test_who_vanishes_in_the_middle_leaves_nothing(server: RunningServer, crowd: Crowd, content_type: str) -> None:
    team, half = crowd.one(), FORM_START + os.urandom(3 * MIB)
    head = upload_head(team, content_type, CHECKSUM, f"Content-Length: {6 * MIB}")
    with begin_upload(server, head + half):
        if content_type == OCTETS:
            assert within(15, lambda: bool(team.unfinished))
        elif "multipart" in content_type:
            assert within(15, lambda: bool(nameless_files(server.pid)))
    assert within(15, lambda: team.unfinished == [] and nameless_files(server.pid) == [])
    assert team.get("records")["total"] == 0
    assert team.used_bytes() == 0
    assert files(team.blobs) == []


def test_who_vanishes_while_replacing_leaves_what_was_there(server: RunningServer, crowd: Crowd) -> None:
    team = crowd.one()
    with team.client() as client:
        record_id = post(client, b"first").json()["id"]
    head = upload_head(team, OCTETS, CHECKSUM, f"Content-Length: {6 * MIB}", line=f"PUT {RECORDS}/{record_id}")
    with begin_upload(server, head + os.urandom(2 * MIB)):
        assert within(15, lambda: bool(team.unfinished))
    assert within(15, lambda: team.unfinished == [])
    with team.client() as client:
        assert client.get(f"records/{record_id}").content == b"first"


# --- whole ---


@pytest.mark.parametrize("content_type", ["stream", "multipart", "json"])
def test_a_chunked_body_is_stored_whole_in_each_form(crowd: Crowd, content_type: str) -> None:
    team, data = crowd.one(), os.urandom(3 * MIB)
    fields = {"table_name": "notes", "checksum": checksum_of(data)}
    match content_type:
        case "stream":
            body, headers = data, {"Content-Type": STREAM, "X-Checksum": checksum_of(data)}
        case "multipart":
            body, type_ = form(**fields, blob=data)
            headers = {"Content-Type": type_}
        case _:
            body = json.dumps(fields | {"blob": base64.b64encode(data).decode()}).encode()
            headers = {"Content-Type": "application/json"}
    parts = (body[start : start + 70_001] for start in range(0, len(body), 70_001))
    with team.client() as client:
        answer = client.post("records?table_name=notes", content=parts, headers=headers)
        assert answer.status_code == 201, answer.text
        assert client.get(f"records/{answer.json()['id']}").content == data
    assert [file.read_bytes() for file in files(team.blobs)] == [data]


def test_thirty_mib_are_byte_for_byte_what_was_sent_and_written_once(server: RunningServer, crowd: Crowd) -> None:
    team, data = crowd.one(), os.urandom(30 * MIB)
    before = bytes_written(server)
    with team.client() as client:
        record_id = post(client, data).json()["id"]
        assert 30 * MIB <= bytes_written(server) - before < 31 * MIB
        read = client.get(f"records/{record_id}")
        assert read.content == data
        assert read.headers["X-Checksum"] == checksum_of(data)
        assert put(client, record_id, data[::-1]).status_code == 200
    assert {checksum_of(file.read_bytes()) for file in files(team.blobs)} == {
        checksum_of(data),
        checksum_of(data[::-1]),
    }


def test_nothing_of_a_blob_is_in_the_servers_files_but_the_blob(server: RunningServer, crowd: Crowd) -> None:
    """The database's file and its journal (where it is one), the log, and whatever else there is."""
    canary = f"canary-{uuid.uuid4()}".encode()
    team = crowd.one()
    with team.client() as client:
        record_id = post(client, canary * 3000).json()["id"]
        put(client, record_id, canary * 4000)
        assert post_form(team, canary * 5000).status_code == 201
        client.put(f"records/{record_id}", content=canary * 9, headers={"Content-Type": STREAM, "X-Checksum": "0" * 64})
    folder = Path(server.env["DATA_DIR"]).parent
    holding = [path for path in files(folder) if canary in path.read_bytes()]
    assert len(holding) == 3  # two records, and what one of them was
    assert all(path.is_relative_to(team.blobs) for path in holding)
    assert canary.decode() not in server.log_text()
