"""Several processes on one socket: who takes a connection, and who must not, when one of them or all of them end."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adiuva.server.workers import TICK_SECONDS
from tests.repository.paths import ROOT
from tests.support.ports import held_port
from tests.support.server import clean_environment

pytestmark = pytest.mark.thorough

PATIENCE_SECONDS = 120
DRAIN_SECONDS = 30
AT_ONCE_SECONDS = DRAIN_SECONDS / 3  # a busy machine; what it must not be is a drain


class Service:
    """A supervisor with two workers of `small_service`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = held_port(self)
        self.gate = folder / "gate"
        self.held = folder / "held"
        self.broken = folder / "broken"
        self.log = folder / "log"
        self.opened = ExitStack()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.adiuva.server.small_service", str(self.port), str(folder), *options],
                cwd=ROOT,
                env=clean_environment(),
                stdout=log,
                stderr=log,
            )

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        connection.connect()
        self.opened.callback(connection.close)
        return connection

    def ask(self, path: str) -> http.client.HTTPResponse:
        connection = self.connect()
        connection.request("GET", path)
        answer = connection.getresponse()
        self.opened.callback(answer.close)
        return answer

    def answering_pid(self) -> int:
        return int(self.ask("/pid").read())

    def slow(self) -> tuple[int, http.client.HTTPResponse]:
        """Whose it is, and the answer to a request that is in flight until `gate` is there."""
        answer = self.ask("/slow")
        return int(answer.readline()), answer

    def children(self) -> set[int]:
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        commands: dict[int, bytes] = {}
        for pid in found.stdout.split():
            with contextlib.suppress(OSError):  # it has ended since
                commands[int(pid)] = Path(f"/proc/{pid}/cmdline").read_bytes()
        return {pid for pid, command in commands.items() if b"resource_tracker" not in command}

    def is_refused(self) -> bool:
        try:
            self.connect()
        except ConnectionRefusedError:
            return True
        return False


def eventually(condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_stopped(pid: int) -> bool:
    """proc(5): the state follows the name in parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def options() -> list[str]:
    return []


@pytest.fixture
def service(tmp_path: Path, options: list[str]) -> Iterator[Service]:
    running = Service(tmp_path, *options)
    pids: set[int] = set()
    try:
        eventually(lambda: not running.is_refused())
        while len(pids) < 2:  # which of two takes a connection is the kernel's to say
            pids.add(running.answering_pid())
        yield running
    finally:
        running.opened.close()
        pids |= running.children()
        running.process.kill()
        running.process.wait()
        for pid in pids:
            if not has_ended(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_draining_service_refuses_at_once_and_finishes_what_it_has(service: Service, asked: signal.Signals) -> None:
    _, answer = service.slow()
    service.process.send_signal(asked)
    eventually(service.is_refused, seconds=AT_ONCE_SECONDS)

    assert service.process.poll() is None
    service.gate.touch()
    assert answer.read() == b"end\n"
    assert service.process.wait(PATIENCE_SECONDS) == 0


def test_a_worker_that_has_not_started_does_not_keep_a_stopping_service_listening(service: Service) -> None:
    service.held.touch()
    before = service.children()
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: len(service.children() - before) == 1)
    time.sleep(TICK_SECONDS)  # for it to handle signals
    service.process.send_signal(signal.SIGTERM)

    eventually(service.is_refused, seconds=AT_ONCE_SECONDS)
    assert service.process.wait(DRAIN_SECONDS - 5) == 0


def test_workers_end_with_a_supervisor_that_is_killed_and_finish_what_they_have(service: Service) -> None:
    _, answer = service.slow()
    workers = service.children()
    service.process.kill()
    eventually(service.is_refused, seconds=AT_ONCE_SECONDS)

    service.gate.touch()
    assert answer.read() == b"end\n"
    assert len(workers) == 2
    eventually(lambda: all(map(has_ended, workers)))


def test_connections_that_wait_outlive_the_workers_and_are_answered_by_their_successors(service: Service) -> None:
    before = service.children()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    eventually(lambda: all(map(is_stopped, before)))  # one that still runs might take a connection with it
    waiting = [service.connect() for _ in range(5)]
    for connection in waiting:
        connection.request("GET", "/pid")
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    assert before.isdisjoint({int(connection.getresponse().read()) for connection in waiting})
    eventually(lambda: len(service.children()) == 2)


def test_one_worker_takes_what_another_that_was_killed_had_not_taken(service: Service) -> None:
    killed, other = service.children()
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: has_ended(killed))

    # A successor may be there already and answer some.
    answering = {service.answering_pid() for _ in range(10)}
    assert killed not in answering
    assert answering - {other} <= service.children()


@pytest.mark.slow
@pytest.mark.parametrize("options", [["1"]])
def test_a_worker_that_answers_nobody_is_replaced(service: Service) -> None:
    stopped = service.answering_pid()
    time.sleep(3 * TICK_SECONDS)  # one that is only just starting is given longer
    os.kill(stopped, signal.SIGSTOP)

    eventually(lambda: stopped not in service.children() and len(service.children()) == 2)
    assert has_ended(stopped)


def test_a_hang_up_replaces_the_workers_without_refusing_anybody(service: Service) -> None:
    worker, answer = service.slow()
    before = service.children()
    service.process.send_signal(signal.SIGHUP)

    eventually(lambda: service.answering_pid() not in before)
    eventually(lambda: len(service.children() - before) == 2)
    eventually(lambda: service.children() & before == {worker})  # it has something to finish
    service.gate.touch()
    assert answer.read() == b"end\n"
    eventually(lambda: not service.children() & before)


def test_a_stop_while_replaced_workers_finish_refuses_at_once(service: Service) -> None:
    _, answer = service.slow()
    before = service.children()
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: service.answering_pid() not in before)
    service.process.send_signal(signal.SIGTERM)
    eventually(service.is_refused, seconds=AT_ONCE_SECONDS)

    service.gate.touch()
    assert answer.read() == b"end\n"
    assert service.process.wait(PATIENCE_SECONDS) == 0


def test_workers_stay_where_new_ones_do_not_start(service: Service) -> None:
    before = service.children()
    service.broken.touch()
    service.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old ones stay" in service.log.read_text())

    assert service.children() == before
    assert service.answering_pid() in before


def test_a_service_that_cannot_start_at_all_says_so_by_its_status(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    service = Service(tmp_path)

    assert service.process.wait(PATIENCE_SECONDS) == 3
    assert service.is_refused()


def test_connections_that_no_worker_has_seen_yet_are_served_while_the_service_stops(service: Service) -> None:
    """The kernel has them: they would be reset if listening just stopped."""
    workers = service.children()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    waiting = [service.connect() for _ in range(20)]
    for connection in waiting:
        connection.request("GET", "/pid")
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)  # for the supervisor to pass it on
    for pid in workers:
        os.kill(pid, signal.SIGCONT)

    assert {connection.getresponse().status for connection in waiting} == {200}
