"""The server as a process: ending well, many requests at once, more than one worker."""

import asyncio
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from adiuva.server.graceful import GRACE_SECONDS
from tests.adiuva.members import Member, join
from tests.fakes.llm_server import LoopbackLLM, hang, text
from tests.support.raw_http import JSON, RawAnswer, connect, exchange, head, post, read_answer
from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

BODY = json.dumps({"message": "Hello"}).encode()
ServerFactory = Callable[..., RunningServer]
AT_ONCE_SECONDS = GRACE_SECONDS / 3  # nothing was waited for


@pytest.fixture(scope="module")
def provider() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as running:
        running.aside["gpt-router"] = text("task_agent")
        yield running


def has_loaded(server: RunningServer, library: str) -> bool:
    return library in Path(f"/proc/{server.pid}/maps").read_text()


@pytest.fixture
def chatty(server_factory: ServerFactory, provider: LoopbackLLM) -> Callable[..., RunningServer]:
    """``chatty(WEB_CONCURRENCY="2")``: a server whose model is ``provider``."""

    def start(**env: str) -> RunningServer:
        provider.forget()
        return server_factory(
            LLM_MODEL="gpt-test",
            LLM_ROUTER_MODEL="gpt-router",
            OPENAI_API_KEY="sk-loopback-0123456789",
            OPENAI_API_BASE=provider.base_url,
            **env,
        )

    return start


def chat_head(member: Member) -> bytes:
    return head("POST /api/v1/chat", JSON, f"Content-Length: {len(BODY)}", member.bearer)


@pytest.mark.slow
def test_sigterm_lets_a_slow_request_end_and_takes_no_new_one(chatty: ServerFactory, provider: LoopbackLLM) -> None:
    server = chatty()
    member = join(server)
    provider.script(text(*["tick "] * 15, delay=0.1))
    with connect(server) as slow, connect(server) as idle:
        slow.settimeout(30)
        slow.sendall(chat_head(member) + BODY)
        assert provider.wait_requests(1, timeout=30)
        server.signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            exchange(server, head("GET /api/v1/health"))
        answer = read_answer(slow)
        ended = time.monotonic()
        assert (answer.status, answer.json["response"]) == (200, "tick " * 15)
        assert answer.headers["Connection"] == "close"
    assert server.wait(120) in {0, -signal.SIGTERM}
    assert time.monotonic() - ended < AT_ONCE_SECONDS
    assert "ERROR" not in server.log_text()


async def test_many_at_once_are_answered_and_leave_nothing_behind(server: RunningServer, member: Member) -> None:
    limits = httpx.Limits(max_connections=100)
    headers = {"Authorization": f"Bearer {member.token}"}
    async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as client:
        for _ in range(2):
            calls = [client.get("/api/v1/health/ready") for _ in range(40)]
            calls += [client.get("/api/v1/auth/sessions", headers=headers) for _ in range(30)]
            calls += [client.post("/api/v1/auth/login", json={"email": "x"}) for _ in range(30)]
            statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
            assert set(statuses[:70]) == {200}
            assert set(statuses[70:]) == {400}
    assert threads_of(server) < 32 + 40  # warm ones, and the pools of readiness, asyncio, the database and the model


def threads_of(server: RunningServer) -> int:
    return len(list(Path(f"/proc/{server.pid}/task").iterdir()))


@pytest.mark.slow
def test_clients_that_leave_in_the_middle_of_a_turn_leave_nothing_behind_and_an_idle_server_ends_at_once(
    chatty: ServerFactory, provider: LoopbackLLM
) -> None:
    server = chatty(LLM_TIMEOUT_SECONDS="60")
    member = join(server)
    provider.script(*[hang() for _ in range(8)])
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for client in clients:
        client.sendall(chat_head(member) + BODY)
    assert provider.wait_requests(8, timeout=30)
    for client in clients:
        client.close()
    assert provider.wait_closed()
    provider.forget()
    provider.script(text("here"))
    assert post(server, "/api/v1/chat", BODY, member.bearer).json["response"] == "here"

    with connect(server) as kept_alive, connect(server) as half_sent:
        kept_alive.sendall(head("GET /api/v1/health"))
        assert read_answer(kept_alive).status == 200
        half_sent.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost:")
        started = time.monotonic()
        assert server.stop() in {0, -signal.SIGTERM}
    assert time.monotonic() - started < AT_ONCE_SECONDS
    assert "ERROR" not in server.log_text()


@pytest.mark.redis
def test_two_workers_serve_and_end_like_one(chatty: ServerFactory, provider: LoopbackLLM) -> None:
    server = chatty(WEB_CONCURRENCY="2")
    member = join(server)
    workers = children(server)
    assert len(workers) >= 2
    remaining = [int(me(server, member).headers["RateLimit-Remaining"]) for _ in range(10)]
    assert remaining == list(range(19, 9, -1))  # one window, whichever worker answers

    provider.script(text(*["tick "] * 15, delay=0.1))
    answers: list[RawAnswer] = []
    with connect(server) as slow:
        slow.settimeout(60)
        slow.sendall(chat_head(member) + BODY)
        assert provider.wait_requests(1, timeout=60)
        reader = threading.Thread(target=lambda: answers.append(read_answer(slow)))
        reader.start()
        server.signal(signal.SIGTERM)
        assert refused_within(server, seconds=10)
        assert server.wait(120) in {0, -signal.SIGTERM}
        reader.join()
    assert answers[0].json["response"] == "tick " * 15
    assert not [pid for pid in workers if is_running(pid)]
    assert "ERROR" not in server.log_text()


def refused_within(server: RunningServer, *, seconds: float) -> bool:
    """Whether a new connection is soon refused, for which every process of the server must have stopped listening."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with connect(server):
                time.sleep(0.02)
        except ConnectionRefusedError:
            return True
    return False


def me(server: RunningServer, member: Member) -> RawAnswer:
    return exchange(server, head("GET /api/v1/auth/me", member.bearer))


def children(server: RunningServer) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=True)
    return [int(pid) for pid in found.stdout.split()]


def is_running(pid: int) -> bool:
    """False within two seconds of its end, also where nobody has collected its exit status."""
    for _ in range(20):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True


@pytest.mark.slow
def test_the_model_client_is_loaded_at_start_unless_the_operator_says_no(server_factory: ServerFactory) -> None:
    lean, full = server_factory(LLM_PRELOAD="false"), server_factory(LLM_PRELOAD="true")
    deadline = time.monotonic() + 180
    while not has_loaded(full, "tiktoken"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not has_loaded(lean, "tiktoken")
