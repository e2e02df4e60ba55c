"""Submissions on a real server: who is refused before the body, and what a large one costs."""

import json
import secrets
from collections.abc import Callable

import pytest

from tests.adiuva.members import Member, join
from tests.marketplace.members import MAIN, MANIFEST
from tests.marketplace.zip_archives import build_zip, noise
from tests.storage.records.devices import form
from tests.support.raw_http import RawAnswer, connect, exchange, head, read_answer
from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds, measured_growth, wait_until_idle

MIB = 1024 * 1024
PLUGINS = "/api/v1/plugins"


@pytest.fixture
def author(server: RunningServer) -> Member:
    member = join(server)
    server.manage("set_tier", member.email, "power")
    server.manage("verify_email", member.email)
    return member


def submit(server: RunningServer, member: Member, package: bytes) -> RawAnswer:
    manifest = MANIFEST | {"id": f"word-count-{secrets.token_hex(6)}"}
    body, content_type = form(manifest=json.dumps(manifest), package=package)
    own = [f"Content-Type: {content_type}", f"Content-Length: {len(body)}", member.bearer]
    return exchange(server, head(f"POST {PLUGINS}", *own) + body, method="POST")


def begin_submission(server: RunningServer, *headers: str) -> RawAnswer:
    """The answer to a submission of 15 MiB of which only the beginning is sent."""
    own = ["Content-Type: multipart/form-data; boundary=B", f"Content-Length: {15 * MIB}"]
    with connect(server) as connection:
        connection.sendall(head(f"POST {PLUGINS}", *own, *headers) + b"--B\r\n" + bytes(1000))
        return read_answer(connection, method="POST")


def test_strangers_are_refused_before_their_body(server: RunningServer) -> None:
    assert begin_submission(server).code == "not_authenticated"
    assert begin_submission(server, "Authorization: Bearer nonsense").code in {"not_authenticated", "invalid_token"}


def test_an_address_that_is_not_verified_is_refused_before_the_body(server: RunningServer) -> None:
    answer = begin_submission(server, join(server).bearer)
    assert (answer.status, answer.code) == (403, "email_not_verified")


@pytest.mark.thorough
def test_a_package_over_the_limit_is_413_before_it_is_read(server: RunningServer, author: Member) -> None:
    own = ["Content-Type: multipart/form-data; boundary=B", f"Content-Length: {30 * MIB}", author.bearer]
    with connect(server) as connection:
        connection.sendall(head(f"POST {PLUGINS}", *own) + b"--B\r\n")
        answer = read_answer(connection, method="POST")
    assert (answer.status, answer.code) == (413, "payload_too_large")


@pytest.mark.thorough
def test_a_package_just_over_the_limit_is_413(server: RunningServer, author: Member) -> None:
    answer = submit(server, author, bytes(20 * MIB + 1))
    assert (answer.status, answer.code) == (413, "payload_too_large")


@pytest.mark.thorough
def test_a_submission_goes_all_the_way(server: RunningServer, author: Member) -> None:
    answer = submit(server, author, build_zip({"main.js": MAIN, "data.bin": noise(MIB)}))
    assert (answer.status, answer.json["status"]) == (201, "pending_review")


@pytest.mark.slow
def test_large_submissions_take_little_memory(server_factory: Callable[..., RunningServer]) -> None:
    server = server_factory()
    author = join(server)
    server.manage("set_tier", author.email, "team")
    server.manage("verify_email", author.email)
    assert submit(server, author, build_zip({"main.js": MAIN})).status == 201
    wait_until_idle(server.pid)
    package = build_zip({"main.js": MAIN, **{f"{n}.bin": noise(4 * MIB, seed=n) for n in range(4)}})
    began = cpu_seconds(server.pid)
    with measured_growth(server.pid) as growth:
        for _ in range(3):
            assert submit(server, author, package).status == 201
    assert growth.mib <= 64
    assert cpu_seconds(server.pid) - began < 60
