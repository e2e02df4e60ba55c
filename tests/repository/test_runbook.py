"""Every block of docs/operations.md is checked as far as it can be without the machine it is for."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from adiuva.environment import Environment
from tests.repository.paths import ROOT
from tests.repository.test_deployment import COMPOSE, COMPOSE_ONLY, SERVICES

TEXT = (ROOT / "docs/operations.md").read_text()
BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
BLOCKS = [(match["file"] or "", match["language"], match["text"]) for match in BLOCK.finditer(TEXT)]
FILES = {file: text for file, _, text in BLOCKS if file}
SHELL = [text for _, language, text in BLOCKS if language == "sh"]
UNITS = {file: text for file, text in FILES.items() if file.startswith("/etc/systemd/system/")}
EVERYTHING_TYPED = "\n".join([*SHELL, *re.findall(r"`([^`\n]+)`", TEXT), *(text for file, text in FILES.items())])
MANAGE = re.compile(
    r"(?:^|[^/\w])(?:adiuva|(?:python )?manage\.py) ([a-z][a-z_]+)((?: (?:--?[a-z][^\s;|)`]*|[A-Za-z0-9@._=%-]+))*)",
    re.MULTILINE,
)
READ = set(Environment.model_fields) | COMPOSE_ONLY
NIGHTLY = {"reap_storage", "verify_blobs", "purge_tokens", "sync_stripe", "retry_transfers"}
JOB = re.compile(r"^@job\(name=\"([\w.]+)\".*\)\ndef (\w+)", re.MULTILINE)
SCHEDULED = re.compile(r"^schedule\(\"([^\"]+)\", (\w+)", re.MULTILINE)
NOT_OURS = {"PASSWORD", "GATEWAY", "BACKUP", "DELETED_SINCE", "ENVIRONMENT"}  # of a block itself
OF_OPENSSL = {"SSL_CERT_FILE"}


def typed_commands() -> list[tuple[str, tuple[str, ...]]]:
    found = {(name, tuple(shlex.split(rest))) for name, rest in MANAGE.findall(EVERYTHING_TYPED)}
    return sorted(found)


@cache
def options_of(command: str) -> set[str]:
    app = get_commands()[command]
    return set(load_command_class(str(app), command).create_parser("manage.py", command)._option_string_actions)


def test_the_runbook_has_blocks_to_check() -> None:
    assert len(SHELL) > 15
    assert len(UNITS) == 4
    assert {language for _, language, _ in BLOCKS} == {"sh", "ini", "nginx", "caddyfile", "json", "crontab"}


@pytest.mark.parametrize("text", SHELL)
def test_shell_blocks_parse(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("command", "arguments"), typed_commands())
def test_commands_exist_and_take_what_they_are_given(command: str, arguments: tuple[str, ...]) -> None:
    assert command in get_commands()
    given = {word.partition("=")[0] for word in arguments if word.startswith("-")}
    assert given <= options_of(command)


def crons() -> dict[str, str]:
    """Of every job of the schedule, as its module has it: the registry lacks those that PostgreSQL alone has."""
    found: dict[str, str] = {}
    for path in [
        *ROOT.glob("*/jobs.py"),
        *ROOT.glob("*/*/jobs.py"),
        ROOT / "adiuva/jobs/procrastinate/housekeeping.py",
    ]:
        source = path.read_text()
        names = {function: name for name, function in JOB.findall(source)}
        found |= {names[function]: cron for cron, function in SCHEDULED.findall(source)}
    return found


def in_words(cron: str) -> str:
    minute, hour, *days = cron.split()
    assert days == ["*", "*", "*"]
    if minute == "*":
        return "every minute"
    if hour != "*":
        return f"{int(hour):02}:{int(minute):02}"
    return f"every {minute.removeprefix('*/')} minutes" if minute.startswith("*/") else f"hourly at :{minute}"


def test_the_schedule_is_in_the_table_with_its_hours_and_the_commands_that_do_the_same() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| ([^|]+) \| ([^|]*)\|", TEXT, re.MULTILINE)
    by_hand = [word for _, _, command in rows for word in re.findall(r"`([a-z_]+)((?: [^`]+)?)`", command)]

    assert len(crons()) >= 12
    assert {job: when for job, when, _ in rows} == {job: in_words(cron) for job, cron in crons().items()}
    assert {command for command, _ in by_hand} == NIGHTLY
    for command, options in by_hand:
        assert set(re.findall(r"--[a-z-]+", options)) <= options_of(command)
    assert {"createsuperuser", "changepassword", "doctor", "migrate", "check", "work"} <= {
        command for command, _ in typed_commands()
    }


def test_no_clock_but_the_schedule_starts_a_command_and_old_ones_are_stopped() -> None:
    clocks = [text for file, text in FILES.items() if file.endswith(".timer") or "cron" in file]
    [upgrade] = [text for text in SHELL if "systemctl disable" in text]

    assert len(clocks) == 2
    assert not any(command in text for command in NIGHTLY for text in [*clocks, *UNITS.values()])
    assert set(upgrade.partition("for job in ")[2].partition(";")[0].split()) == NIGHTLY
    assert 'systemctl disable --now "adiuva-job@$job.timer"' in upgrade
    assert not any("adiuva-job@" in file for file in FILES)


def test_the_backup_is_made_before_storage_is_put_in_order() -> None:
    timer = re.search(
        r"^OnCalendar=\*-\*-\* (\d\d:\d\d):00 UTC$", FILES["/etc/systemd/system/adiuva-backup.timer"], re.MULTILINE
    )
    [line] = FILES["/etc/cron.d/adiuva"].splitlines()
    minute, hour, *days, user, command = line.split()[:7]

    assert timer is not None
    assert timer[1] == in_words(f"{minute} {hour} * * *") < in_words(crons()["storage.reap"])
    assert (days, user, command) == (["*", "*", "*"], "root", "/opt/adiuva/scripts/backup.sh")
    assert "--compose" in line
    assert FILES["/etc/systemd/system/adiuva-backup.service"].count("ExecStart=/opt/adiuva/scripts/backup.sh ") == 1
    assert any("systemctl enable --now adiuva-backup.timer" in text for text in SHELL)


def test_every_variable_is_read_by_the_service() -> None:
    assigned = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", "\n".join([*SHELL, *FILES.values()]), re.MULTILINE))
    spoken_of = {name for name in re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", TEXT) if name != "DELETED_SINCE"}
    in_sed = set(re.findall(r"\^(?:#\\\?)?([A-Z_]+)=", TEXT))

    assert assigned - NOT_OURS <= READ
    assert spoken_of - OF_OPENSSL <= READ
    assert in_sed <= READ
    assert {"PUBLIC_URL", "JWT_SECRET", "POSTGRES_PASSWORD", "FORWARDED_ALLOW_IPS"} <= in_sed


def test_the_environment_of_the_runbook_is_one_that_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = re.findall(r"<<ENVIRONMENT\n(.*?)^ENVIRONMENT$", TEXT, re.DOTALL | re.MULTILINE)
    text = re.sub(r"\$\(openssl rand -hex 32\)", "0c1d2e3f4a5b69788796a5b4c3d2e1f0" * 2, block).replace(
        "$PASSWORD", "x"
    )
    for line in text.splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value.strip("'"))

    assert Environment().ENV == "prod"


@pytest.mark.parametrize("name", UNITS)
def test_units_say_what_they_must(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNITS[name])

    assert unit["Unit"]["Description"]
    if name.endswith(".timer"):
        assert unit["Timer"]["OnCalendar"]
        assert unit["Install"]["WantedBy"] == "timers.target"
    else:
        assert unit["Service"]["User"] == "adiuva"
        assert unit["Service"]["ExecStart"].startswith("/opt/adiuva/")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Users and programs of the machine they are for are replaced by such as are here."""
    paths = []
    for name, text in UNITS.items():
        path = tmp_path / Path(name).name
        here = re.sub(r"/opt/adiuva/\S+", shutil.which("true") or "/bin/true", text)
        path.write_text(here.replace("User=adiuva", "User=root").replace("Group=adiuva", "Group=root"))
        paths.append(path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if "adiuva" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_unit_stops_as_slowly_as_the_server(settings: object) -> None:
    from adiuva.server.graceful import GRACE_SECONDS

    limit = re.search(r"^TimeoutStopSec=(\d+)$", FILES["/etc/systemd/system/adiuva.service"], re.MULTILINE)
    assert limit is not None
    assert int(limit[1]) > GRACE_SECONDS
    assert int(SERVICES["app"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS


def test_the_worker_is_stopped_as_slowly_as_its_jobs() -> None:
    from adiuva.jobs.procrastinate.library import GIVE_BACK, GRACE

    limit = re.search(r"^TimeoutStopSec=(\d+)$", FILES["/etc/systemd/system/adiuva-worker.service"], re.MULTILINE)
    assert limit is not None
    assert int(limit[1]) > GRACE + GIVE_BACK
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > GRACE + GIVE_BACK


def test_the_proxy_lets_through_what_the_service_takes() -> None:
    nginx = FILES["/etc/nginx/sites-available/adiuva"]
    size = re.search(r"client_max_body_size (\d+)g;", nginx)
    patience = re.search(r"proxy_read_timeout (\d+)s;", nginx)
    kept = re.search(r"keepalive_timeout (\d+)s;", nginx)
    assert size is not None
    assert patience is not None
    assert kept is not None
    defaults = {name: field.default for name, field in Environment.model_fields.items()}

    assert nginx.count("{") == nginx.count("}")
    assert int(size[1]) * 1024**3 == defaults["MAX_BACKUP_BYTES"]
    assert int(patience[1]) > defaults["LLM_TIMEOUT_SECONDS"]
    assert int(kept[1]) < 75  # adiuva.server.serve: timeout_keep_alive
    assert "timeout_keep_alive=75" in (ROOT / "adiuva/server/serve.py").read_text()
    told = {line.partition("#")[0].strip() for line in nginx.splitlines()}
    assert {"proxy_request_buffering off;", "proxy_buffering off;", "gzip off;", "listen 443 ssl http2;"} <= told
    assert not re.search(r"\bencode\b", FILES["/etc/caddy/Caddyfile"])  # a compressed answer has no strong ETag
    assert "$request " not in nginx  # its log must not hold query strings
    for line in nginx.splitlines():
        bare = line.partition("#")[0].strip()
        assert not bare or bare[-1] in ";{}", line


def test_the_proxy_keeps_the_metrics_inside() -> None:
    assert "location = /metrics { return 404; }" in FILES["/etc/nginx/sites-available/adiuva"]
    assert "respond @inside 404" in FILES["/etc/caddy/Caddyfile"]


def test_the_bucket_forgets_unfinished_uploads_and_not_its_versions() -> None:
    [rule] = json.loads(FILES["lifecycle.json"])["Rules"]

    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] >= 2  # slower than reap_storage
    keep = re.search(r"backup\.sh --keep (\d+)", TEXT)
    assert keep is not None
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] >= int(keep[1])


def test_stripes_events_are_those_that_are_acted_on() -> None:
    from billing.stripe import hooks
    from billing.stripe.events import CHECKOUTS, RANKS

    listed = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+){1,3})`", TEXT)) & _event_names()
    replaced_names = {"charge.refund.updated", "invoice.payment_succeeded"}  # Stripe sends the newer ones as well

    assert set(hooks._handlers) - replaced_names <= listed
    assert CHECKOUTS | set(RANKS) | {"customer.subscription.updated"} <= listed
    assert {"invoice.paid", "invoice.payment_failed", "customer.deleted", "account.updated"} <= listed


def _event_names() -> set[str]:
    table = TEXT[TEXT.index("| endpoint | variable | events |") :].split("\n\n")[0]
    return set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", table))


def test_names_of_compose_are_those_of_the_file() -> None:
    assert COMPOSE["name"] == "adiuva"
    assert "adiuva_outside" in TEXT
    assert "outside" in COMPOSE["networks"]
    for services in re.findall(r"docker compose up -d --wait ([a-z ]+)$", TEXT, re.MULTILINE):
        assert set(services.split()) <= set(SERVICES)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#h][^)#]*)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("anchor", sorted(set(re.findall(r"\]\(#([^)]+)\)", TEXT))))
def test_anchors_lead_somewhere(anchor: str) -> None:
    heads = {
        re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    assert anchor in heads


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_parse_and_explain_themselves(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    if script.name != "common.sh":
        shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
        assert shown.startswith("usage: scripts/")
        for line in SHELL:
            for options in re.findall(rf"scripts/{script.name}((?: --[a-z]+)+)", line):
                assert all(option in shown for option in options.split())


def test_yaml_of_compose_is_one_document() -> None:
    assert len(list(yaml.safe_load_all((ROOT / "docker-compose.yml").read_text()))) == 1
