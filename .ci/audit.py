"""Known vulnerabilities of what is locked: pip-audit over requirements.txt, npm audit over the TypeScript client.

Exit code 1 for a finding that ``ALLOWED`` does not name, or names no longer. Where no vulnerability service can be
asked this says so and passes: a machine without a network is no finding.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "clients" / "typescript"
SERVICES = ("pypi", "osv")
SECONDS = 120
GRAVE = {"high", "critical"}  # of npm's; the client is built with what it locks, and runs with little of it

# Advisory: why it does not concern us, and until when that is believed.
ALLOWED: dict[str, tuple[str, date]] = {}


def python_findings(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(advisory, package) of a pip-audit report."""
    for package in report["dependencies"]:
        for found in package.get("vulns", []):
            yield found["id"], f"{package['name']} {package['version']}"


def npm_findings(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same of npm's, grave ones only."""
    for name, found in report["vulnerabilities"].items():
        if found["severity"] in GRAVE:
            for via in found["via"]:
                if isinstance(via, dict):
                    yield via["url"].rsplit("/", 1)[-1], name


def refused(
    findings: Iterator[tuple[str, str]], *, allowed: dict[str, tuple[str, date]], today: date
) -> list[tuple[str, str]]:
    return [
        (advisory, where) for advisory, where in findings if advisory not in allowed or allowed[advisory][1] < today
    ]


def was_audited(report: dict[str, Any] | None) -> bool:
    """Not where the service knew no package at all: an index without advisories answers like that."""
    return report is not None and any("skip_reason" not in package for package in report["dependencies"])


def _json_of(command: list[str], *, cwd: Path = ROOT) -> dict[str, Any] | None:
    """None for a tool that gives up, or gives no report; what it says then is shown."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{command[0]}: no answer within {SECONDS} s")
        return None
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        print("\n".join(done.stderr.strip().splitlines()[-1:]))
        return None
    return report


def audit_python() -> dict[str, Any] | None:
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-m", "venv", scratch], check=True)
        python = f"{scratch}/bin/python"
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "pip-audit"]
        if subprocess.run(install, check=False).returncode:
            return None
        for service in SERVICES:
            options = ["-r", "requirements.txt", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
            report = _json_of([python, "-m", "pip_audit", *options, "-f", "json", "-s", service])
            if was_audited(report):
                return report
    return None


def audit_npm() -> dict[str, Any] | None:
    if shutil.which("npm") is None or not (CLIENT / "package-lock.json").exists():
        return None
    report = _json_of(["npm", "audit", "--json", "--package-lock-only"], cwd=CLIENT)
    return report if report is not None and "vulnerabilities" in report else None


def main() -> int:
    found: list[tuple[str, str]] = []
    today = datetime.now(UTC).date()
    for name, report, findings in (
        ("Python", audit_python(), python_findings),
        ("npm", audit_npm(), npm_findings),
    ):
        if report is None:
            print(f"{name}: NOT AUDITED, no vulnerability service could be asked from here")
            continue
        news = refused(findings(report), allowed=ALLOWED, today=today)
        print(f"{name}: audited, {len(news)} findings")
        found += news
    for advisory, where in found:
        print(f"{advisory}: {where}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
