"""Bodies read while they arrive, on a real server: what a client sees on its socket."""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from adiuva.server.body_limits import KIB
from tests.adiuva.members import Member, join
from tests.support.raw_http import RawAnswer, chunked, connect, exchange, head, read_answer, read_answers
from tests.support.server import RunningServer

MIB = 1024 * KIB
RECORDS = "/api/v1/storage/records"
BODY = bytes(range(256)) * 4 * KIB  # 1 MiB
CHECKSUM = hashlib.sha256(BODY).hexdigest()


def upload_head(member: Member, *headers: str, checksum: str = CHECKSUM) -> bytes:
    own = [member.bearer, "Content-Type: application/octet-stream", f"X-Checksum: {checksum}"]
    return head(f"POST {RECORDS}?table_name=notes", *own, *headers)


def length_header(size: int = len(BODY)) -> str:
    return f"Content-Length: {size}"


CHUNKED = "Transfer-Encoding: chunked"


def records_of(server: RunningServer, member: Member) -> int:
    total: int = exchange(server, head(f"GET {RECORDS}?limit=1", member.bearer)).json["total"]
    return total


@pytest.fixture
def pauper(server: RunningServer) -> Member:
    """Somebody whose tier stores nothing."""
    return join(server)


def test_a_connection_goes_on_after_a_body_that_was_read(server: RunningServer, member: Member) -> None:
    with connect(server) as connection:
        for request in (upload_head(member, length_header()) + BODY, upload_head(member, CHUNKED) + chunked([BODY])):
            connection.sendall(request)
            answer = read_answer(connection)
            assert (answer.status, answer.json["size_bytes"]) == (201, len(BODY))
            assert answer.headers["Connection"] is None
        connection.sendall(head("GET /api/v1/auth/me", member.bearer))
        assert read_answer(connection).status == 200


def test_a_request_that_follows_at_once_is_answered_next(server: RunningServer, member: Member) -> None:
    with connect(server) as connection:
        connection.sendall(upload_head(member, length_header()) + BODY + head("GET /api/v1/auth/me", member.bearer))
        assert [answer.status for answer in read_answers(connection, 2)] == [201, 200]


def test_a_body_may_come_in_drops(server: RunningServer, member: Member) -> None:
    with connect(server) as connection:
        connection.sendall(upload_head(member, length_header()))
        for begin in range(0, len(BODY), 128 * KIB):
            time.sleep(0.02)
            connection.sendall(BODY[begin : begin + 1])
            connection.sendall(BODY[begin + 1 : begin + 128 * KIB])
        assert read_answer(connection).status == 201


def test_who_waits_for_100_is_told_when_the_body_is_wanted_and_only_then(
    server: RunningServer, member: Member, pauper: Member
) -> None:
    with connect(server) as connection:
        connection.sendall(upload_head(member, length_header(), "Expect: 100-continue"))
        assert connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert read_answer(connection).status == 201
    with connect(server) as connection:
        connection.sendall(upload_head(pauper, length_header(), "Expect: 100-continue"))
        assert connection.recv(13) == b"HTTP/1.1 402 "


@pytest.mark.parametrize("length", [length_header(24 * MIB), CHUNKED])
def test_who_sends_all_before_looking_sees_why_it_was_not_wanted(
    server: RunningServer, member: Member, pauper: Member, length: str
) -> None:
    whole = chunked([BODY] * 24) if length == CHUNKED else BODY * 24
    nobody = Member(email="", password="", token="x.y.z")
    for who, code in ((pauper, "quota_exceeded"), (nobody, "invalid_token")):
        answer = exchange(server, upload_head(who, length) + whole)
        assert answer.code == code
        assert answer.headers["Connection"] == "close"
    elsewhere = head(f"PUT {RECORDS}/7d1f6c0e-3a52-4b8e-9c41-5f0e2d6b8a97", member.bearer, length)
    assert exchange(server, elsewhere + whole).code == "not_found"


def test_a_wrong_checksum_stores_nothing_and_keeps_the_connection(server: RunningServer, member: Member) -> None:
    before = records_of(server, member)
    with connect(server) as connection:
        for _ in range(2):
            connection.sendall(upload_head(member, length_header(), checksum="0" * 64) + BODY)
            assert read_answer(connection).code == "checksum_mismatch"
    assert records_of(server, member) == before


def test_a_client_that_vanishes_leaves_nothing(server: RunningServer, member: Member) -> None:
    before, said = records_of(server, member), len(server.log_text())  # other tests share this server
    for length, part in ((length_header(), BODY[:-1]), (CHUNKED, chunked([BODY])[:-5])):
        with connect(server) as connection:
            connection.sendall(upload_head(member, length) + part)
    with connect(server) as connection:
        connection.sendall(upload_head(member, length_header()) + BODY)
        assert read_answer(connection).status == 201
    assert records_of(server, member) == before + 1
    assert "Traceback" not in server.log_text()[said:]


@pytest.mark.thorough
def test_a_chunked_body_that_grows_too_large_is_refused_while_it_is_sent(
    server_factory: Callable[..., RunningServer], member: Member
) -> None:
    small = server_factory(MAX_RECORD_BYTES=str(MIB // 2))
    for length in (CHUNKED, length_header(3 * MIB)):
        with connect(small) as connection:
            connection.sendall(upload_head(member, length))
            connection.sendall(chunked([BODY] * 3)[:-5] if length == CHUNKED else BODY * 3)
            answer = read_answer(connection)
            assert answer.code == "payload_too_large"
            assert answer.headers["Connection"] == "close"
    unfinished = Path(small.env["DATA_DIR"]) / "blobs/.unfinished"
    deadline = time.monotonic() + 60
    while any(unfinished.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(unfinished.iterdir()) == []


@pytest.fixture
def upload_in_the_middle(
    server_factory: Callable[..., RunningServer], member: Member
) -> Iterator[tuple[RunningServer, Callable[[bytes], None], list[RawAnswer]]]:
    """A server that reads half an upload, a function that sends more of it, and the answer once it is there."""
    running = server_factory()
    answers: list[RawAnswer] = []
    with connect(running) as connection:
        connection.settimeout(60)
        connection.sendall(upload_head(member, length_header(), "Expect: 100-continue"))
        assert connection.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY[: len(BODY) // 2])
        reader = Thread(target=lambda: answers.append(read_answer(connection)))
        reader.start()
        yield running, connection.sendall, answers
        reader.join(60)


@pytest.mark.slow
def test_sigterm_lets_an_upload_end(
    upload_in_the_middle: tuple[RunningServer, Callable[[bytes], None], list[RawAnswer]],
) -> None:
    running, send, answers = upload_in_the_middle
    running.signal(signal.SIGTERM)
    time.sleep(0.5)
    send(BODY[len(BODY) // 2 :])
    assert running.wait(120) == -signal.SIGTERM
    assert [answer.status for answer in answers] == [201]


@pytest.mark.slow
def test_sigterm_waits_for_an_upload_that_does_not_end_and_then_says_so(
    upload_in_the_middle: tuple[RunningServer, Callable[[bytes], None], list[RawAnswer]],
) -> None:
    running, send, answers = upload_in_the_middle
    running.signal(signal.SIGTERM)
    started = time.monotonic()
    for index in range(len(BODY) // 2, len(BODY)):
        if answers:
            break
        send(BODY[index : index + 1])
        time.sleep(1)
    assert running.wait(60) == -signal.SIGTERM
    assert 20 < time.monotonic() - started < 45
    assert [answer.code for answer in answers] == ["upstream_unavailable"]
    assert answers[0].headers["Retry-After"] == "1"
    assert "Traceback" not in running.log_text()


@pytest.mark.slow
def test_a_client_that_stalls_is_given_up(server: RunningServer, member: Member) -> None:
    with connect(server) as connection:
        connection.settimeout(60)
        connection.sendall(upload_head(member, length_header()) + BODY[:-1])
        assert read_answer(connection).code == "request_timeout"
