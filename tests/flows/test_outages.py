"""PostgreSQL goes away and comes back under load, then Redis: every answer is right or says so, and nobody restarts
anything of ours (docs/operations.md, "When something is away").
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import SERVER_SECRET
from tests.flows.polling_devices import PASSWORD, Device, Steady, Talker, check_away
from tests.support.postgres_server import PostgresServer, programs
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer

DEVICES = 7
OUTAGE_SECONDS = 4
BACK_SECONDS = 120
FREE_A_MINUTE = 20
FAILURES_A_MINUTE = 20  # accounts.login_limits.PER_ACCOUNT

SET_TIERS = """
from accounts.models import User
from billing.subscriptions import set_tier
from billing.tiers import Tier
for user in User.objects.all():
    set_tier(user=user, tier=Tier.TEAM)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="there is no PostgreSQL to start"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server to start"),
]


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    own = PostgresServer()
    try:
        own.start()
        own.make_database()
        yield own
    finally:
        own.remove()


@pytest.fixture
def own_server(postgres: PostgresServer, redis_server: RedisServer, tmp_path: Path) -> Iterator[RunningServer]:
    environment = {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": postgres.url,
        "REDIS_URL": redis_server.url,
        "JWT_SECRET": SERVER_SECRET,
        "LLM_PRELOAD": "false",
    }
    running = RunningServer(folder=tmp_path, env=environment)
    running.manage("migrate", "--verbosity=0")
    running.start()
    yield running
    running.stop()


def test_everything_comes_back_by_itself_and_nothing_is_half_written(
    own_server: RunningServer, postgres: PostgresServer, redis_server: RedisServer
) -> None:
    devices = [Device(own_server) for _ in range(DEVICES)]
    own_server.manage("shell", "-v", "0", "-c", SET_TIERS)
    newcomer = Device(own_server)  # of the free tier: asks nothing by itself
    talker = Talker(own_server, token=lambda: devices[0].token)
    everybody: list[Steady] = [*devices, talker]
    with ExitStack() as running:
        for device in (*devices, newcomer):
            running.callback(device.http.close)
        for one in everybody:
            one.start()
            running.callback(one.leave)
        wait_until_all_is_done_again(everybody)

        postgres.stop()
        time.sleep(OUTAGE_SECONDS)
        assert newcomer.http.get("health").status_code == 200
        assert newcomer.http.get("health/ready").status_code == 503
        postgres.start()
        wait_until_all_is_done_again(everybody)
        assert all(device.away for device in everybody), "the outage reached everybody"

        refused = [one.away.copy() for one in everybody]
        redis_server.stop()
        limits_hold_without_redis(newcomer)
        time.sleep(OUTAGE_SECONDS)
        wait_until_all_is_done_again(everybody)
        assert [one.away for one in everybody] == refused, "nobody but who wants a ticket needs Redis"
        redis_server.start()
        wait_for(lambda: newcomer_has_ticket(devices[1]), "tickets")
        wait_for(lambda: redis_server.entries() > 0, "windows in Redis")
        wait_until_all_is_done_again(everybody)

        for one in everybody:
            one.stop()
        for one in everybody:
            one.finish()
        for device in devices:
            nothing_is_half_written(device)
        assert "internal_error" not in own_server.log_text()
    own_server.stop()
    assert "counters of 0 users corrected" in own_server.manage("reap_storage", "--min-age=0")
    own_server.manage("verify_blobs")  # fails where a row has not its very blob


def wait_for(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what}: not there again"
        time.sleep(0.2)


def wait_until_all_is_done_again(everybody: list[Any]) -> None:
    """Each has got each kind of request done, from now on."""
    before = {one: one.done.copy() for one in everybody}

    def happened() -> bool:
        for one in everybody:
            one.check()
        return all((one.done - before[one]).keys() >= one.kinds for one in everybody)

    wait_for(happened, "an answer to every kind of request of everybody")


def limits_hold_without_redis(newcomer: Device) -> None:
    """Requests are counted in the process; guesses are not, and tickets need a place that all processes know."""
    check_away(newcomer.http.post("auth/ws-ticket"))
    statuses = [newcomer.http.get("auth/me").status_code for _ in range(FREE_A_MINUTE)]
    assert set(statuses) == {200, 429}
    assert statuses == sorted(statuses)
    for _ in range(FAILURES_A_MINUTE + 1):
        guess = newcomer.http.post("auth/login", json={"email": newcomer.email, "password": "not this one"})
        assert guess.status_code == 401
    right = newcomer.http.post("auth/login", json={"email": newcomer.email, "password": PASSWORD})
    assert right.status_code == 200


def newcomer_has_ticket(device: Device) -> bool:
    answer = device.http.post("auth/ws-ticket")
    if answer.status_code == 201:
        return True
    check_away(answer)
    return False


def nothing_is_half_written(device: Device) -> None:
    assert device.done["create"] >= 2
    for record_id in device.records:
        device.download(record_id)
    listed = everything(device.http)
    held = {item["id"]: item["checksum"] for item in listed}
    device.check_holdings(held)
    quota = device.http.get("storage/quota").raise_for_status().json()["storage"]
    assert quota["used_bytes"] == sum(item["size_bytes"] for item in listed)
    device.follow()
    assert device.followed == held, "who has followed the feed all the time"
    device.followed, device.cursor, device.newest = {}, "0", 0
    device.follow()
    assert device.followed == held, "who begins anew"


def everything(client: httpx.Client) -> list[dict[str, Any]]:
    answer: dict[str, Any] = client.get("storage/records?limit=200").raise_for_status().json()
    items: list[dict[str, Any]] = answer["items"]
    assert answer["total"] == len(items)
    return items
