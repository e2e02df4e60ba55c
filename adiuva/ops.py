"""System checks of the configuration as a whole; `manage.py check` shows them with these ids."""

import os
import secrets
import shutil
import sqlite3
import tempfile
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.cache import cache
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from adiuva.byte_sizes import show_bytes
from adiuva.environment import is_weak
from adiuva.jobs import get_queue
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding, describe_error


@register(Tags.security)
def weak_secret(**_: Any) -> list[CheckMessage]:
    from adiuva.environment import is_weak

    if not is_weak(settings.JWT_SECRET):
        return []
    return [
        Warning(
            "JWT_SECRET is short, repetitive or a placeholder.",
            hint="Anyone could forge tokens. `openssl rand -hex 32` makes a good one; in dev unset it to get one.",
            id="adiuva.W001",
        )
    ]


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


@register(Tags.security, deploy=True)
def public_url(**_: Any) -> list[CheckMessage]:
    if not settings.IS_PROD or settings.PUBLIC_URL.startswith("https://") or _is_loopback(settings.PUBLIC_URL):
        return []
    return [Error("PUBLIC_URL must be https:// in production.", hint="Tokens travel on it.", id="adiuva.E001")]


@register(Tags.urls)
def docs_are_for_developers(**_: Any) -> list[CheckMessage]:
    from django.urls import Resolver404, resolve

    if not settings.IS_PROD:
        return []
    try:
        resolve("/openapi.json")
    except Resolver404:
        return []
    return [Error("The API's schema is public in production.", id="adiuva.E002")]


def probe_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def probe_cache() -> None:
    key, value = f"ready:{secrets.token_hex(8)}", secrets.token_hex(8)
    cache.set(key, value, timeout=10)
    if cache.get(key) != value:
        raise RuntimeError("the cache does not give back what was put in")
    cache.delete(key)


def probe_data_folder() -> None:
    """Embedded vectors live in ``DATA_DIR``: it must take a file and keep it."""
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR, prefix=".ready-") as probe:
        probe.write(b"ready")
        probe.flush()
        os.fsync(probe.fileno())


probes.register_readiness("database", probe_database)
probes.register_readiness("cache", probe_cache)
probes.register_readiness("vectors", probe_data_folder)


LEAST_FREE_BYTES = 512 * 1024**2
SKEW_WARN_SECONDS = 2.0
# Tickets and repeated refreshes live 30 s; Stripe refuses signatures after 300 s, S3 after 900 s.
SKEW_FAIL_SECONDS = 30.0


def examine_database(_options: DoctorOptions) -> Finding:
    probe_database()
    if connection.vendor != "postgresql":
        return Finding("ok", f"SQLite {sqlite3.sqlite_version}, {settings.DATABASES['default']['NAME']}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('max_connections')::int")
        version, most = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        (used,) = cursor.fetchone()
    ours = settings.SERVE_PROCESSES * settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]
    where = f"{connection.settings_dict['HOST'] or 'a local socket'}, database {connection.settings_dict['NAME']}"
    text = f"PostgreSQL {version.split()[0]} at {where}; {used} of {most} connections in use"
    if ours > most:
        return Finding("warn", f"{text}; this machine's processes may want {ours}")
    return Finding("ok", text)


def examine_migrations(_options: DoctorOptions) -> Finding:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return Finding("ok", "all applied")
    waiting = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    return Finding("fail", f"{len(waiting)} not applied, first {waiting[0]}: run manage.py migrate")


def examine_cache(_options: DoctorOptions) -> Finding:
    probe_cache()
    if settings.REDIS_URL:
        parts = urlsplit(settings.REDIS_URL)
        return Finding("ok", f"Redis at {parts.hostname or parts.path} takes and gives back")
    if settings.IS_PROD:
        return Finding("warn", "in process: limits and tickets hold for this process alone; set REDIS_URL for more")
    return Finding("ok", "in process")


def examine_secrets(_options: DoctorOptions) -> Finding:
    size = len(settings.JWT_SECRET.encode())
    if is_weak(settings.JWT_SECRET):
        level: probes.Level = "fail" if settings.IS_PROD else "warn"
        return Finding(level, f"JWT_SECRET ({size} bytes) could be guessed: make one with openssl rand -hex 32")
    if not settings.IS_PROD:
        return Finding("ok", f"JWT_SECRET has {size} bytes; ENV=dev, so production's rules do not apply")
    return Finding("ok", f"JWT_SECRET has {size} bytes; production's rules are met")


def examine_configuration(_options: DoctorOptions) -> Finding:
    """What `manage.py check` says, in production with `--deploy`."""
    found = [
        message
        for message in checks.run_checks(include_deployment_checks=settings.IS_PROD)
        if not message.is_silenced()
    ]
    serious = [message for message in found if message.level >= checks.ERROR]
    loud = serious or [message for message in found if message.level >= checks.WARNING]
    if not loud:
        return Finding("ok", f"ENV={settings.ENV}; manage.py check finds nothing")
    more = f" (and {len(loud) - 1} more: manage.py check)" if len(loud) > 1 else ""
    return Finding("fail" if serious else "warn", f"{loud[0].id}: {loud[0].msg}{more}")


def examine_clock(_options: DoctorOptions) -> Finding:
    told: list[str] = []
    worst = 0.0
    for name, theirs in probes.configured_clocks().items():
        try:
            ahead = probes.measure_skew(theirs)
        except Exception as error:  # noqa: BLE001 - that it is away is for the line about it; here it tells no time
            told.append(f"{name} cannot be asked ({describe_error(error)})")
            continue
        if ahead is None:
            told.append(f"{name} does not tell")
            continue
        told.append(f"{name} {ahead:+.1f} s")
        worst = max(worst, abs(ahead))
    if not told:
        return Finding("ok", "nobody else's to compare with")
    text = "ours is ahead of: " + ", ".join(told)
    if worst > SKEW_FAIL_SECONDS:
        return Finding("fail", f"{text}; signatures and tickets depend on it: is NTP running?")
    return Finding("warn" if worst > SKEW_WARN_SECONDS else "ok", text)


def examine_disk(_options: DoctorOptions) -> Finding:
    probe_data_folder()
    room = shutil.disk_usage(settings.DATA_DIR)
    text = f"{show_bytes(room.free)} of {show_bytes(room.total)} free in {settings.DATA_DIR}"
    if room.free < LEAST_FREE_BYTES:
        return Finding("fail", text)
    if not settings.S3_BUCKET and room.free < settings.MAX_BACKUP_BYTES:
        return Finding(
            "warn", f"{text}: one backup of MAX_BACKUP_BYTES ({show_bytes(settings.MAX_BACKUP_BYTES)}) does not fit"
        )
    return Finding("ok", text)


def examine_jobs(_options: DoctorOptions) -> Finding:
    state = get_queue().state()
    if state.workers is None:
        return Finding("ok", "in the server process")
    text = (
        f"{state.waiting} wait, {state.delayed} are to be tried again, {state.running} run, {state.failed} have failed"
    )
    if not state.workers:
        # Whatever the schedule would have started does not even wait.
        level: probes.Level = "fail" if state.waiting or state.delayed else "warn"
        return Finding(level, f"no worker runs: start `manage.py work`; {text}")
    text = f"workers: {state.workers}; {text}"
    if state.failed:
        return Finding("warn", f"{text} within 30 days: the worker's log says why")
    return Finding("ok", text)


def _database_clock() -> float | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            return float(cursor.fetchone()[0])
    finally:
        connection.close()


def _redis_clock() -> float | None:
    from redis import Redis

    with Redis.from_url(
        str(settings.REDIS_URL), socket_timeout=probes.CLOCK_SECONDS, socket_connect_timeout=probes.CLOCK_SECONDS
    ) as client:
        whole, micros = client.time()
        return float(whole + micros / 1e6)


def register_examinations() -> None:
    examinations = {
        "database": examine_database,
        "migrations": examine_migrations,
        "cache": examine_cache,
        "configuration": examine_configuration,
        "secrets": examine_secrets,
        "clock": examine_clock,
        "disk": examine_disk,
        "jobs": examine_jobs,
    }
    for name, examination in examinations.items():
        probes.register_examination(name, examination)
    # SQLite has no clock but ours.
    probes.register_clock("database", lambda: _database_clock if connection.vendor == "postgresql" else None)
    probes.register_clock("Redis", lambda: _redis_clock if settings.REDIS_URL else None)


def read_jobs() -> dict[str, float]:
    state = get_queue().state()
    return {"waiting": state.waiting, "delayed": state.delayed, "running": state.running, "failed": state.failed}


def read_job_lateness() -> float:
    return get_queue().state().oldest_seconds


def read_job_workers() -> float:
    """The server itself counts as one, where it works jobs off."""
    workers = get_queue().state().workers
    return 1 if workers is None else workers


def register_gauges() -> None:
    probes.register_gauge("adiuva_jobs", "Jobs that have not ended well yet", read_jobs, label="state")
    probes.register_gauge(
        "adiuva_jobs_oldest_waiting_seconds", "How long the first waiting job has been due", read_job_lateness
    )
    probes.register_gauge("adiuva_job_workers", "Processes that work jobs off", read_job_workers)
