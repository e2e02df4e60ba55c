"""Several serving processes on one listening socket, and the supervisor that keeps them.

The socket is bound once and inherited: its queue of connections belongs to all workers, so one that dies takes none of
them with it. It also listens for as long as any process has it open. That is why the supervisor closes it when SIGTERM
comes, before the workers drain, and why workers end with their supervisor, however that ended: a new one must find the
port free.
"""

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from multiprocessing import connection, get_context
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from adiuva.server import collector
from adiuva.server.graceful import GRACE_SECONDS, DrainingServer

logger = logging.getLogger(__name__)

Line = connection.Connection
CONTEXT = get_context("spawn")  # a fork would inherit locks of threads that it does not have

TICK_SECONDS = 0.5  # between two questions whether a worker is well; the end of one is noticed at once
START_SECONDS = 60.0  # to import the application and to start it
HUNG_SECONDS = 20.0  # without an answer, though a thread of its own gives it: stopped, or swapped out for good
PAUSE_SECONDS = 1.0  # before a worker that lived for less than SHORT_LIFE_SECONDS is replaced
SHORT_LIFE_SECONDS = 5.0
KILL_SECONDS = GRACE_SECONDS + 5


def _serve(config: uvicorn.Config, sockets: list[socket.socket], supervisor: Line) -> None:
    """All that a worker does."""
    collector.watch()
    server = DrainingServer(config)
    threading.Thread(target=_answer, args=(supervisor, server), name="supervisor", daemon=True).start()
    with suppress(KeyboardInterrupt):  # uvicorn passes on the signal that ended it
        server.run(sockets)


def _answer(supervisor: Line, server: uvicorn.Server) -> None:
    """Says whether ``server`` has started, each time it is asked; ends the process well when nobody is left to ask."""
    try:
        while True:
            supervisor.recv_bytes()
            supervisor.send(server.started)
    except (EOFError, OSError):
        logger.warning("the supervisor is gone: ending")
        os.kill(os.getpid(), signal.SIGTERM)


class Worker:
    """A started process, as its supervisor sees it."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        self._line, its_end = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_serve, args=(config, sockets, its_end), name="worker")
        self.process.start()
        its_end.close()  # the only one left is the worker's: each hears when the other is gone
        self.born = self._checked = time.monotonic()
        self.is_ready = False
        self._has_answered = False
        self._is_asked = False
        self._silent = 0.0

    def is_well(self) -> bool:
        """False once the process has ended, or has not answered for too long. Never waits."""
        if not self.process.is_alive():
            return False
        # A supervisor that was stopped itself has not been waiting meanwhile.
        elapsed, self._checked = time.monotonic() - self._checked, time.monotonic()
        self._silent += min(elapsed, 2 * TICK_SECONDS)
        try:
            while self._line.poll():
                self.is_ready = self._line.recv() or self.is_ready
                self._has_answered, self._is_asked, self._silent = True, False, 0.0
            if not self._is_asked:
                self._line.send_bytes(b"?")
                self._is_asked = True
        except (EOFError, OSError):
            return True  # it is about to end, and is_alive says so then
        return self._silent < (HUNG_SECONDS if self._has_answered else START_SECONDS)

    def is_late(self) -> bool:
        return time.monotonic() - self.born > START_SECONDS

    def kill(self) -> None:
        self.process.kill()  # which says nothing to one that has ended
        self.process.join()
        self._line.close()


class Supervisor:
    """Keeps as many workers as ``config.workers`` says until SIGTERM or SIGINT; SIGHUP replaces them one by one."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        self._config = config
        self._sockets = sockets
        self._alive: list[Worker] = []  # also replaced ones that finish what they have, and one that is to replace
        self._serving: list[Worker] = []
        self._has_served = False
        self._is_starting_one = False
        self._told_to_stop = False
        self._must_replace = False
        self._status = 0

    def run(self) -> int:
        """Returns the exit status: 0, or uvicorn's ``STARTUP_FAILURE`` where no worker could start at all."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(signal.SIGHUP, self._on_replace)
        while not self._must_stop() and len(self._serving) < self._config.workers:
            self._serving.append(self._start())
        while not self._must_stop():
            connection.wait([worker.process.sentinel for worker in self._alive], timeout=TICK_SECONDS)
            self._keep()
            if self._must_replace:
                self._must_replace = False
                self._replace()
        self._await_end()
        return self._status

    def _must_stop(self) -> bool:
        """A signal may say so between any two lines."""
        return self._told_to_stop

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stops at once, whatever the main thread is about: it may be waiting for a worker."""
        self._told_to_stop = True
        if not self._is_starting_one:
            self._stop()

    def _on_replace(self, _number: int, _frame: FrameType | None) -> None:
        self._must_replace = True

    def _stop(self) -> None:
        self._told_to_stop = True
        for listening in self._sockets:
            listening.close()
        for worker in self._alive:
            worker.process.terminate()

    def _start(self) -> Worker:
        """A worker that a stop knows of from its first moment on, and that inherits sockets which are open."""
        self._is_starting_one = True
        try:
            worker = Worker(self._config, self._sockets)
            self._alive.append(worker)
        finally:
            self._is_starting_one = False
        if self._must_stop():
            self._stop()
        return worker

    def _bury(self, worker: Worker) -> None:
        worker.kill()
        self._alive.remove(worker)

    def _keep(self) -> None:
        """Replaces each worker that is no longer well."""
        for worker in [worker for worker in self._alive if worker not in self._serving]:
            if not worker.process.is_alive():
                self._bury(worker)
        for index, worker in enumerate(self._serving):
            is_well = worker.is_well()
            if self._must_stop():
                return
            self._has_served = self._has_served or worker.is_ready
            if not is_well:
                self._bury(worker)
                logger.error("a worker ended", extra={"worker": worker.process.pid, "status": worker.process.exitcode})
                if worker.process.exitcode == STARTUP_FAILURE and not self._has_served:
                    # It has said why, and would the next time: nobody has been served yet.
                    self._status = STARTUP_FAILURE
                    self._stop()
                    return
                if time.monotonic() - worker.born < SHORT_LIFE_SECONDS:
                    time.sleep(PAUSE_SECONDS)
                self._serving[index] = self._start()

    def _replace(self) -> None:
        """Each worker by a new one, which serves before the old one stops listening."""
        for index, old in enumerate(self._serving):
            if self._must_stop():
                return
            new = self._start()
            while new.is_well() and not (new.is_ready or new.is_late() or self._must_stop()):
                connection.wait([new.process.sentinel], timeout=TICK_SECONDS / 5)
            if self._must_stop():
                return
            if not new.is_ready:
                self._bury(new)
                logger.error("a new worker did not start: the old ones stay", extra={"worker": new.process.pid})
                return
            self._serving[index] = new
            old.process.terminate()

    def _await_end(self) -> None:
        deadline = time.monotonic() + KILL_SECONDS
        for worker in self._alive:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.is_alive():
                logger.error("a worker did not end: killed", extra={"worker": worker.process.pid})
                worker.kill()


def serve(config: uvicorn.Config) -> int:
    """Binds and serves until told to stop. Returns the exit status of the process."""
    return Supervisor(config, [config.bind_socket()]).run()
