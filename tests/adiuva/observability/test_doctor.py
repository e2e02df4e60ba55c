"""`manage.py doctor`: what is well, what is not, in words and in time, and never a secret."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.jobs import resume_erasures
from adiuva import ops
from adiuva.jobs import enqueue, get_queue
from adiuva.jobs.port import State
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from billing import ops as billing_diagnoses
from billing.alerts import UNKNOWN_PRICE, raise_alert
from tests.conftest import SERVER_SECRET
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.support.server import PROJECT_DIR, clean_environment

Capture = pytest.CaptureFixture[str]
NAMES = {
    *("database", "migrations", "cache", "configuration", "secrets", "clock", "disk", "jobs"),
    *("addresses", "factors", "sso", "stripe", "alerts", "blobs", "vectors", "llm"),
    *("database", "migrations", "cache", "configuration", "secrets", "clock", "disk", "jobs", "mail"),
    *("addresses", "stripe", "alerts", "blobs", "vectors", "llm"),
}


@pytest.fixture
def examinations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The registered ones, to be replaced in one test."""
    replaced: dict[str, Any] = {}
    monkeypatch.setattr(probes, "_examinations", replaced)
    return replaced


def doctor(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=PROJECT_DIR,
        env=clean_environment() | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.django_db(transaction=True)
def test_an_embedded_service_is_well(capsys: Capture) -> None:
    get_queue().clear()
    call_command("doctor", "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert {check["name"] for check in report["checks"]} == NAMES
    assert {check["name"]: check["level"] for check in report["checks"]}["migrations"] == "ok"
    for check in report["checks"]:
        assert check["found"], check
        assert check["seconds"] >= 0


@pytest.mark.thorough
def test_the_rest_is_reported_when_the_database_is_away(tmp_path: Path) -> None:
    done = doctor(
        ENV="prod",
        JWT_SECRET=SERVER_SECRET,
        DATABASE_URL="postgresql://adiuva:canary-db-pass@127.0.0.1:1/adiuva",
        DATA_DIR=str(tmp_path),
        STRIPE_SECRET_KEY="sk_test_canary_key",
        STRIPE_WEBHOOK_SECRET="whsec_canary_secret",
        STRIPE_API_BASE="http://127.0.0.1:1",
        REDIS_URL="redis://:canary-redis-pass@127.0.0.1:1/0",
        OPENAI_API_KEY="sk-canary-openai",
    )
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr
    assert SERVER_SECRET not in done.stdout + done.stderr
    levels = {check["name"]: check["level"] for check in json.loads(done.stdout)["checks"]}
    assert set(levels) == NAMES
    failed = {"database", "migrations", "cache", "alerts", "stripe", "mail"}
    assert {name for name, level in levels.items() if level == "fail"} >= failed
    assert (levels["blobs"], levels["secrets"], levels["llm"]) == ("ok", "ok", "ok")
    assert "Traceback" not in done.stderr


@pytest.mark.thorough
def test_what_hangs_costs_its_time_and_holds_nobody_up(examinations: dict[str, Any], capsys: Capture) -> None:
    never = threading.Event()

    def hangs(_options: DoctorOptions) -> Finding:
        never.wait(30)
        return Finding("ok", "late")

    examinations.update(slow=hangs, well=lambda _options: Finding("ok", "here"))
    with pytest.raises(CommandError, match="1 of 2 fail: slow") as ended:
        call_command("doctor", "--timeout=2")
    never.set()
    assert ended.value.returncode == 1
    out = capsys.readouterr().out
    assert "no answer within 2 s" in out
    assert "here" in out


def test_a_warning_is_no_failure(examinations: dict[str, Any], capsys: Capture) -> None:
    examinations["odd"] = lambda _options: Finding("warn", "look at it")
    call_command("doctor")
    assert "odd  warn" in capsys.readouterr().out


def test_what_an_examination_raises_is_shown_without_secrets(
    examinations: dict[str, Any], capsys: Capture, settings: Any
) -> None:
    def fails(_options: DoctorOptions) -> Finding:
        raise RuntimeError(f"the key {settings.JWT_SECRET} was refused\nsecond line")

    examinations["store"] = fails
    with pytest.raises(CommandError):
        call_command("doctor")
    out = capsys.readouterr().out
    assert "RuntimeError: the key [REDACTED] was refused" in out
    assert "second line" not in out


@pytest.mark.django_db
def test_an_unapplied_migration_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'chat' AND name = '0003_budgets'")
    finding = ops.examine_migrations(DoctorOptions())
    assert finding.level == "fail"
    assert "chat.0003_budgets" in finding.text


@pytest.mark.parametrize(("is_prod", "level"), [(True, "fail"), (False, "warn")])
def test_a_weak_secret_fails_in_production(settings: Any, is_prod: bool, level: str) -> None:
    settings.JWT_SECRET, settings.IS_PROD = "changeme", is_prod
    finding = ops.examine_secrets(DoctorOptions())
    assert finding.level == level
    assert "changeme" not in finding.text


@pytest.mark.parametrize(("free", "level"), [(100 * 2**20, "fail"), (2**30, "warn"), (2**40, "ok")])
def test_disk_room_is_judged(monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    class Room:
        total = 2**41

    Room.free = free  # type: ignore[attr-defined]
    monkeypatch.setattr("adiuva.ops.shutil.disk_usage", lambda _path: Room)
    assert ops.examine_disk(DoctorOptions()).level == level


@pytest.mark.parametrize(
    ("workers", "waiting", "failed", "level", "says"),
    [
        (2, 0, 0, "ok", "workers: 2"),
        (2, 9, 0, "ok", "9 wait"),
        (1, 0, 3, "warn", "3 have failed"),
        (0, 0, 0, "warn", "no worker runs: start `manage.py work`"),
        (0, 9, 0, "fail", "no worker runs: start `manage.py work`; 9 wait"),
        (0, 9, 3, "fail", "3 have failed"),
        (None, 0, 0, "ok", "in the server process"),
    ],
)
def test_jobs_want_workers_and_are_not_to_fail(
    monkeypatch: pytest.MonkeyPatch, workers: int | None, waiting: int, failed: int, level: str, says: str
) -> None:
    class Queue:
        def state(self) -> State:
            return State(waiting=waiting, delayed=0, running=0, failed=failed, oldest_seconds=5, workers=workers)

    monkeypatch.setattr(ops, "get_queue", Queue)
    finding = ops.examine_jobs(DoctorOptions())
    assert finding.level == level
    assert says in finding.text
    assert ops.read_jobs() == {"waiting": waiting, "delayed": 0, "running": 0, "failed": failed}
    assert (ops.read_job_lateness(), ops.read_job_workers()) == (5, 1 if workers is None else workers)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_job_that_waits_for_no_worker_is_seen() -> None:
    get_queue().clear()
    assert ops.examine_jobs(DoctorOptions()).level == "warn"
    enqueue(resume_erasures)
    finding = ops.examine_jobs(DoctorOptions())
    assert (finding.level, "; 1 wait" in finding.text) == ("fail", True)


class Dated(BaseHTTPRequestHandler):
    date = "Sun, 01 Nov 2026 00:00:00 GMT"

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        self.send_header("Date", self.date)
        self.end_headers()


@pytest.fixture
def dated() -> Iterator[str]:
    """A service whose clock says the first of November 2026."""
    server = HTTPServer(("127.0.0.1", 0), Dated)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("ahead", "level"), [(0.0, "ok"), (5.0, "warn"), (-120.0, "fail")])
def test_the_clock_is_compared_with_those_of_services(
    monkeypatch: pytest.MonkeyPatch, dated: str, ahead: float, level: str
) -> None:
    theirs = 1793491200.5  # the middle of that second
    monkeypatch.setattr("adiuva.observability.probes.time.time", lambda: theirs + ahead)
    monkeypatch.setattr(probes, "_clocks", {"S3": lambda: lambda: probes.read_http_date(dated)})
    finding = ops.examine_clock(DoctorOptions())
    assert finding.level == level
    assert f"S3 {ahead:+.1f} s" in finding.text


def test_a_clock_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_clocks", {"S3": lambda: lambda: probes.read_http_date("http://127.0.0.1:1")})
    finding = ops.examine_clock(DoctorOptions())
    assert finding.level == "ok"
    assert "S3 cannot be asked" in finding.text


@pytest.mark.postgres
@pytest.mark.django_db
def test_the_databases_clock_is_read() -> None:
    ahead = probes.measure_skew(probes.configured_clocks()["database"])
    assert ahead is not None
    assert abs(ahead) < 30


@pytest.fixture
def with_stripe(settings: Any) -> Iterator[LoopbackStripe]:
    with LoopbackStripe() as server:
        for tier in ("pro", "power", "team"):
            server.sell(f"price_{tier}_monthly", cents=900)
        settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = SECRET_KEY, server.base_url
        yield server


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("webhook", "connect", "level"), [("whsec_a", "whsec_b", "ok"), ("whsec_a", "", "warn"), ("", "whsec_b", "fail")]
)
def test_stripe_takes_the_key_and_both_endpoints_have_secrets(
    with_stripe: LoopbackStripe, settings: Any, webhook: str, connect: str, level: str
) -> None:
    settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_CONNECT_WEBHOOK_SECRET = webhook, connect
    assert billing_diagnoses.examine_stripe(DoctorOptions()).level == level
    assert {seen.method for seen in with_stripe.seen} == {"GET"}


def test_a_key_that_stripe_refuses_fails(
    with_stripe: LoopbackStripe, settings: Any, examinations: dict[str, Any]
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    examinations["stripe"] = billing_diagnoses.examine_stripe
    (line,) = probes.examine(options=DoctorOptions(), timeout=20)
    assert line.level == "fail"
    assert "somebody_else" not in line.found


@pytest.mark.django_db
def test_open_alerts_are_counted_by_kind() -> None:
    raise_alert(UNKNOWN_PRICE, reference="price_x", message="which tier is that?")
    finding = billing_diagnoses.examine_alerts(DoctorOptions())
    assert finding.level == "warn"
    assert "1 open (unknown_price)" in finding.text


@pytest.mark.thorough
def test_the_model_answers_only_when_asked(capsys: Capture, examinations: dict[str, Any], settings: Any) -> None:
    from agents.ops import llm

    examinations["llm"] = llm
    call_command("doctor")
    assert "no outside provider is used, since no key of any is set" in capsys.readouterr().out
    settings.GROQ_API_KEY = "a key"  # which LLM_MODEL passes over by naming the offline model
    call_command("doctor")
    assert "no outside provider is used\n" in capsys.readouterr().out
    call_command("doctor", "--ask", "--timeout=60")
    assert "answered with" in capsys.readouterr().out


def test_production_without_a_model_is_said(settings: Any, examinations: dict[str, Any]) -> None:
    from agents.ops import llm

    settings.LLM_MODEL = ""
    examinations["llm"] = llm
    (line,) = probes.examine(options=DoctorOptions(), timeout=20)
    assert (line.level, "LLM_MODEL" in line.found) == ("fail", True)


def test_every_registered_examination_has_a_name_of_its_own() -> None:
    assert set(probes.examination_names()) == NAMES


@pytest.mark.django_db
def test_a_price_that_stripe_does_not_know_is_named(with_stripe: LoopbackStripe, settings: Any) -> None:
    settings.STRIPE_PRICES = {"pro": ("price_pro_monthly", "pro_by_the_year"), "power": (), "team": ()}
    found = billing_diagnoses.examine_stripe(DoctorOptions())
    assert found.level == "fail"
    assert "pro_by_the_year" in found.text
    assert "price_pro_monthly" not in found.text
