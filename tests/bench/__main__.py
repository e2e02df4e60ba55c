"""`make bench`: what a request and a socket cost, each beside a baseline measured in the same run.

Figures are CPU time and memory of the server process (/proc), so a busy machine disturbs them little; the ratio to the
baseline is what to compare between machines.
"""

import asyncio
import http.client
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import websockets

from tests.support.server import PROJECT_DIR, RunningServer, clean_environment

REQUESTS = 2000
PER_ACCOUNT = 180  # below the team tier's 200 a minute
SOCKETS = 500
TICK = os.sysconf("SC_CLK_TCK")

MAKE_ACCOUNTS = """
import django; django.setup()
from tests.support.accounts import make_account
for _ in range({count}):
    print(make_account(tier="team").access_token)
"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


class BareServer(RunningServer):
    module = "tests.bench.baseline"


def request_ms(server: RunningServer, path: str, tokens: list[str]) -> float:
    """CPU milliseconds of one keep-alive GET."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)

    def get(index: int) -> None:
        connection.request("GET", path, headers={"Authorization": f"Bearer {tokens[index // PER_ACCOUNT]}"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status

    for index in range(100):
        get(index)
    started = cpu_seconds(server.pid)
    for index in range(PER_ACCOUNT, PER_ACCOUNT + REQUESTS):
        get(index)
    return (cpu_seconds(server.pid) - started) / REQUESTS * 1000


def socket_kib(server: RunningServer, token: str) -> float:
    """Anonymous memory of one idle, authenticated WebSocket."""

    async def measure() -> float:
        async def connect() -> websockets.ClientConnection:
            url = f"{server.ws_url}/api/v1/chat/stream"
            headers = {"Authorization": f"Bearer {token}"}
            return await websockets.connect(url, additional_headers=headers, compression=None)

        sockets = [await connect() for _ in range(50)]
        before = private_kib(server.pid)
        sockets += [await connect() for _ in range(SOCKETS)]
        await asyncio.sleep(1)
        grown = private_kib(server.pid) - before
        for socket in sockets:
            await socket.close()
        return grown / SOCKETS

    return asyncio.run(measure())


def command_cpu(arguments: list[str], env: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=PROJECT_DIR, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_seconds(make: Callable[[], RunningServer]) -> tuple[RunningServer, float]:
    started = time.monotonic()
    return make().start(), time.monotonic() - started


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="adiuva-bench-") as name:
        folder = Path(name)
        variables = {"DATA_DIR": str(folder / "data"), "JWT_SECRET": "bench-9f8e7d6c5b4a39281706f5e4d3c2b1a0"}
        env = clean_environment() | variables
        prepare = RunningServer(folder=folder, env=variables)
        prepare.manage("migrate", "--verbosity=0")
        count = REQUESTS // PER_ACCOUNT + 2
        made = subprocess.run(
            [sys.executable, "-c", MAKE_ACCOUNTS.format(count=count)],
            cwd=PROJECT_DIR,
            env=env | {"DJANGO_SETTINGS_MODULE": "adiuva.settings"},
            check=True,
            capture_output=True,
            text=True,
        )
        tokens = made.stdout.split()
        ours, our_start = start_seconds(lambda: RunningServer(folder=folder, env=variables))
        bare, bare_start = start_seconds(lambda: BareServer(folder=folder, env=variables))
        time.sleep(15)  # the LLM client is loaded in the background after the start
        try:
            rows = [
                ("GET /auth/me, CPU ms", request_ms(ours, "/api/v1/auth/me", tokens), request_ms(bare, "/", tokens)),
                ("GET /health, CPU ms", request_ms(ours, "/api/v1/health", tokens), request_ms(bare, "/", tokens)),
                ("idle WebSocket, KiB", socket_kib(ours, tokens[-1]), socket_kib(bare, tokens[-1])),
                ("first answer after start, s", our_start, bare_start),
                (
                    "manage.py check, CPU s (beside: django.setup of nothing)",
                    command_cpu(["manage.py", "check"], env),
                    command_cpu(
                        ["-c", "import django; from django.conf import settings; settings.configure(); django.setup()"],
                        env,
                    ),
                ),
            ]
        finally:
            ours.stop()
            bare.stop()
    lines = [f"{'':<58}{'ours':>9}{'bare':>9}{'ratio':>8}"]
    lines += [f"{label:<58}{mine:>9.2f}{base:>9.2f}{mine / base:>8.1f}" for label, mine, base in rows]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
