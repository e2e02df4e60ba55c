import signal
import subprocess
import time
from pathlib import Path

import redis

from tests.support.ports import held_port


class RedisServer:
    """A real redis-server of our own, without persistence: what it knew is gone when it comes back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = held_port(self)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:open-sesame@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self._port), "--requirepass", "open-sesame"]
        options += ["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            deadline = time.monotonic() + 120
            while True:
                try:
                    client.ping()
                    return
                except redis.ConnectionError:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Connections are accepted by the kernel and nobody answers: the outage that a refused connection is not."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def age(self, microseconds: int) -> None:
        """Moves every entry of every window into the past: Redis's own clock is not ours to move."""
        with redis.Redis.from_url(self.url) as client:
            for key in client.keys("adiuva:rate:*"):
                stamps = [int(stamp) - microseconds for stamp in client.lrange(key, 0, -1)]
                client.pipeline().delete(key).rpush(key, *stamps).execute()

    def entries(self) -> int:
        """Of all windows together."""
        with redis.Redis.from_url(self.url) as client:
            return sum(client.llen(key) for key in client.keys("adiuva:rate:*"))
