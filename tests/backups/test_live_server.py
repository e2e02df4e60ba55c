"""Snapshots on the real server: bodies that arrive slowly, not at all or in vain, and readers who go away."""

import secrets
import socket
from collections.abc import Callable
from http.client import HTTPResponse, IncompleteRead

import pytest

from tests.backups.raw_client import (
    BACKUP,
    MIB,
    Owner,
    blob_folder,
    connections,
    eventually,
    list_unfinished,
    open_blobs,
    reset,
    written_bytes,
)
from tests.backups.snapshots import checksum_of, label
from tests.support.raw_http import chunked, connect, exchange, head, read_answer, read_answers
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

ServerFactory = Callable[..., RunningServer]
BODY = secrets.token_bytes(3 * MIB + 17)
LARGE = secrets.token_bytes(MIB) * 32  # more than the sockets of two sides hold


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Owner:
    """Of the team tier: no quota, and 200 requests a minute."""
    owner = Owner.join(server)
    server.manage("set_tier", owner.member.email, "team")
    return owner


@pytest.fixture(scope="module")
def unlucky(server: RunningServer) -> Owner:
    """Whose uploads all fail: there is never anything of hers. She has room for ``BODY`` and little more."""
    unlucky = Owner.join(server)
    server.manage("set_quota", unlucky.member.email, "--backup", str(4 * MIB))
    return unlucky


@pytest.fixture(scope="module")
def large(owner: Owner) -> str:
    """The path of a snapshot of ``LARGE``."""
    answer = owner.upload(LARGE)
    assert answer.status == 201, answer
    return answer.headers["Location"]


# --- up ---


@pytest.mark.parametrize("size", [0, 1, 64 * 1024 - 1, 64 * 1024, len(BODY)])
def test_a_snapshot_of_any_size_goes_up_and_comes_down(owner: Owner, size: int) -> None:
    body = BODY[:size]
    answer = owner.upload(body)
    assert (answer.status, answer.json["size_bytes"]) == (201, size)
    assert owner.blobs[answer.json["id"]] == body
    assert owner.ask(f"GET {answer.headers['Location']}").body == body


def test_a_snapshot_may_come_in_chunks(owner: Owner) -> None:
    body = b"in chunks " + BODY
    parts = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    request = owner.upload_head(body, "Transfer-Encoding: chunked") + chunked(parts)
    answer = exchange(owner.server, request)
    assert (answer.status, answer.json["checksum"]) == (201, checksum_of(body))
    assert owner.blobs[answer.json["id"]] == body


def test_a_connection_goes_on_after_an_upload(owner: Owner) -> None:
    with connect(owner.server) as connection:
        for body in (BODY, BODY[::-1]):
            connection.sendall(owner.upload_head(body) + body)
            assert read_answer(connection).status == 201


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_wrong_checksum_leaves_nothing(unlucky: Owner, in_chunks: bool) -> None:
    request = unlucky.upload_head(b"another", *(["Transfer-Encoding: chunked"] if in_chunks else []), size=len(BODY))
    answer = exchange(unlucky.server, request + (chunked([BODY]) if in_chunks else BODY))
    assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert (unlucky.blobs, unlucky.used, list_unfinished(unlucky.server)) == ({}, 0, [])


def test_a_client_that_vanishes_leaves_nothing(unlucky: Owner) -> None:
    server = unlucky.server
    for leave in (socket.socket.close, reset):
        with connect(server) as connection:
            connection.sendall(unlucky.upload_head(BODY) + BODY[: 2 * MIB])
            assert eventually(lambda: any(file.stat().st_size for file in list_unfinished(server)))
            leave(connection)
        assert eventually(lambda: list_unfinished(server) == [])
    assert (unlucky.blobs, unlucky.used, open_blobs(server)) == ({}, 0, 0)
    assert unlucky.ask(f"GET {BACKUP}/history").json["total"] == 0


# --- in vain ---


def assert_refused_without_a_trace(server: RunningServer, request: bytes) -> str:
    """The code of the refusal of a body of 8 MiB, of which nothing was written anywhere."""
    before = written_bytes(server)
    code = exchange(server, request).code
    assert written_bytes(server) - before < MIB
    assert list_unfinished(server) == []
    return code


def test_a_body_of_nobody_is_not_written(server: RunningServer) -> None:
    body = b"x" * (8 * MIB)
    sent = [f"{name}: {value}" for name, value in label(body).items()]
    for bearer in ([], ["Authorization: Bearer no.such.token"]):
        line = f"PUT {BACKUP}"
        declared = head(line, *sent, *bearer, f"Content-Length: {len(body)}") + body
        in_chunks = head(line, *sent, *bearer, "Transfer-Encoding: chunked") + chunked([body[:MIB]] * 8)
        for request in (declared, in_chunks):
            assert assert_refused_without_a_trace(server, request) in {"not_authenticated", "invalid_token"}


def test_a_body_without_a_quota_is_not_written(server: RunningServer) -> None:
    free = Owner.join(server)
    body = b"x" * (8 * MIB)
    assert assert_refused_without_a_trace(server, free.upload_head(body) + body) == "quota_exceeded"
    request = free.upload_head(body, "Transfer-Encoding: chunked") + chunked([body[:MIB]] * 8)
    assert assert_refused_without_a_trace(server, request) == "quota_exceeded"


def test_a_body_over_the_quota_is_not_written(unlucky: Owner) -> None:
    body = b"x" * (8 * MIB)
    assert assert_refused_without_a_trace(unlucky.server, unlucky.upload_head(body) + body) == "quota_exceeded"
    assert (unlucky.blobs, unlucky.used) == ({}, 0)


def test_a_body_of_unknown_size_is_written_up_to_the_quota_and_dropped(unlucky: Owner) -> None:
    body = b"x" * (24 * MIB)
    before = written_bytes(unlucky.server)
    request = unlucky.upload_head(body, "Transfer-Encoding: chunked") + chunked([body[:MIB]] * 24)
    assert exchange(unlucky.server, request).code == "quota_exceeded"
    assert written_bytes(unlucky.server) - before < 6 * MIB
    assert (unlucky.blobs, unlucky.used, list_unfinished(unlucky.server)) == ({}, 0, [])


def test_a_body_behind_a_wrong_header_is_not_written(owner: Owner) -> None:
    body = b"x" * (8 * MIB)
    wrong = head(f"PUT {BACKUP}", owner.member.bearer, "X-Backup-Version: 1", f"Content-Length: {len(body)}")
    assert assert_refused_without_a_trace(owner.server, wrong + body) == "validation_error"


@pytest.mark.parametrize("wrong", ["X-Backup-Chunk-Count: 0", "Content-Range: bytes 0-1/2"])
def test_who_waits_for_a_word_before_the_body_is_spared_a_body_in_vain(owner: Owner, wrong: str) -> None:
    with connect(owner.server) as connection:
        connection.sendall(owner.upload_head(BODY, "Expect: 100-continue", wrong))
        assert connection.recv(12) == b"HTTP/1.1 400"


@pytest.mark.slow
def test_the_limit_of_one_snapshot_holds_declared_or_not(owner: Owner, server_factory: ServerFactory) -> None:
    owner = owner.on(server_factory(MAX_BACKUP_BYTES=str(MIB)))
    used = owner.used
    assert owner.upload(BODY[:MIB]).status == 201
    over = BODY[: MIB + 1]
    in_chunks = owner.upload_head(over, "Transfer-Encoding: chunked") + chunked([over[:MIB], over[MIB:]])
    for answer in (owner.upload(over), exchange(owner.server, in_chunks)):
        assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", MIB)
    assert (owner.used - used, list_unfinished(owner.server)) == (MIB, [])


# --- down ---


def test_parts_head_and_304_have_their_exact_length_on_one_connection(owner: Owner) -> None:
    path = owner.upload(BODY).headers["Location"]
    etag = f'"{checksum_of(BODY)}"'
    with connect(owner.server) as connection:
        for more in (["Range: bytes=5-9"], [f"If-None-Match: {etag}"], ["Range: bytes=99999999-"], []):
            connection.sendall(head(f"GET {path}", owner.member.bearer, *more))
        part, unchanged, beyond, whole = read_answers(connection, 4)
        connection.sendall(head(f"HEAD {path}", owner.member.bearer))
        described = read_answer(connection, method="HEAD")
    assert (part.status, part.body, part.headers["Content-Length"]) == (206, BODY[5:10], "5")
    assert (unchanged.status, unchanged.body, unchanged.headers["ETag"]) == (304, b"", etag)
    assert not {"Content-Length", "Transfer-Encoding", "Content-Type"} & set(unchanged.headers)
    assert (beyond.status, beyond.code) == (416, "range_not_satisfiable")
    assert (whole.status, whole.body) == (200, BODY)
    assert (described.status, described.headers["Content-Length"]) == (200, str(len(BODY)))


def test_readers_who_go_away_leave_no_open_file(owner: Owner, large: str) -> None:
    server = owner.server
    request = head(f"GET {large}", owner.member.bearer)
    with connections(server, 12) as readers:
        for number, reader in enumerate(readers):
            reader.sendall(request)
            if number % 3:
                assert reader.recv(1000).startswith(b"HTTP/1.1 200")
        assert eventually(lambda: open_blobs(server) == 12)
        for number, reader in enumerate(readers):
            reset(reader) if number % 2 else reader.close()
    assert eventually(lambda: open_blobs(server) == 0)
    assert owner.ask(f"GET {large}", "Range: bytes=-1").body == LARGE[-1:]


def test_what_is_deleted_or_replaced_meanwhile_is_read_to_its_end(owner: Owner) -> None:
    body = LARGE[::-1]  # a repetition of the newest would be stored once, and ``large`` go with it
    path = owner.upload(body).headers["Location"]
    with connections(owner.server, 2) as readers:
        answers = [HTTPResponse(reader) for reader in readers]
        for reader, answer, asked in zip(readers, answers, (path, BACKUP), strict=True):
            reader.sendall(head(f"GET {asked}", owner.member.bearer))
            answer.begin()
        starts = [answer.read(MIB) for answer in answers]
        assert owner.upload(BODY).status == 201
        assert owner.ask(f"DELETE {path}").status == 204
        assert owner.ask(f"GET {path}").status == 404
        assert owner.ask(f"GET {BACKUP}").body == BODY
        assert [start + answer.read() for start, answer in zip(starts, answers, strict=True)] == [body, body]
    assert eventually(lambda: open_blobs(owner.server) == 0)


def test_a_damaged_snapshot_is_cut_off_and_never_looks_whole(owner: Owner) -> None:
    answer = owner.upload(BODY)
    server, path = owner.server, answer.headers["Location"]
    blob = blob_folder(server) / str(owner.user_id) / "_backup" / answer.json["id"]
    for size in (2 * MIB, 0):
        with blob.open("r+b") as file:
            file.truncate(size)
        with pytest.raises(IncompleteRead) as cut:
            owner.ask(f"GET {path}")
        assert BODY.startswith(cut.value.partial)
        assert len(cut.value.partial) <= size
    assert eventually(lambda: open_blobs(server) == 0)
    assert "a blob has another size than its row" in server.log_text()


# --- slow clients and the database's connections ---


@pytest.mark.postgres
def test_slow_readers_and_senders_hold_no_pooled_connection(
    owner: Owner, large: str, server_factory: ServerFactory
) -> None:
    server = server_factory(DATABASE_POOL_SIZE="2")
    owner = owner.on(server)
    with connections(server, 4) as readers, connections(server, 4) as senders:
        for reader in readers:
            reader.sendall(head(f"GET {large}", owner.member.bearer))
        assert eventually(lambda: open_blobs(server) == 4)
        assert owner.ask("GET /api/v1/auth/me").status == 200
        bodies = [bytes([number]) + BODY[1:] for number in range(4)]
        for sender, body in zip(senders, bodies, strict=True):
            sender.sendall(owner.upload_head(body) + body[:MIB])
        assert eventually(lambda: len(list_unfinished(server)) == 4)
        assert owner.ask("GET /api/v1/auth/me").status == 200
        for sender, body in zip(senders, bodies, strict=True):
            sender.sendall(body[MIB:])
        assert [read_answer(sender).status for sender in senders] == [201] * 4
        assert [read_answer(reader).body == LARGE for reader in readers] == [True] * 4
