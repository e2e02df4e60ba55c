"""The TypeScript client signs in at a provider: by its own listener, with a browser that follows redirects and keeps
cookies.
"""

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dns_server import DnsServer
from tests.fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from tests.support.server import RunningServer
from tests.support.template_database import Templates

pytestmark = pytest.mark.node


def test_a_company_sets_sign_on_up_and_its_people_sign_in(
    tmp_path: Path, folder: Path, database_templates: Templates
) -> None:
    with DnsServer() as names, OidcProvider() as provider:
        data = tmp_path / "data"
        data.mkdir()
        env = {
            "DATA_DIR": str(data),
            "DATABASE_URL": f"sqlite:///{data}/adiuva.sqlite3",
            "JWT_SECRET": secrets.token_hex(32),
            "LLM_PRELOAD": "false",
            "DNS_RESOLVER": names.place,
            "EGRESS_ALLOW": provider.place,
        }
        server = RunningServer(folder=tmp_path, env=env)
        server.env["PUBLIC_URL"] = server.url
        provider.callback_url = f"{server.url}/api/v1/auth/sso/callback"
        database_templates.migrate(server)
        server.start()
        try:
            told = talk(folder, server, names=names, provider=provider)
            log = server.log_text()
        finally:
            server.stop()

    assert told == {
        "early": "domain_not_verified",
        "domain": "verified",
        "callback": "/api/v1/auth/sso/callback",
        "new": "none",
        "second device": "locked",  # signing in unlocks nothing
        "approved": True,
        "linking": "unlocked",  # by the account's own password
        "screens": ["browser", "link_required", "linked"],
        "linked": True,
        "refused": "access_denied",
        "elsewhere": "no_sign_on",
        "unlinked": "conflict",
        "enforced": True,
        "password": "sso_required",
        "break glass": "unlocked",
        "members": ["alice@acme.example member", "bob@acme.example member", "olivia@acme.example owner"],
        "audit": [
            "break_glass_code_used",
            "break_glass_codes_made",
            "domain_added",
            "domain_verified",
            "member_provisioned",
            "organization_created",
            "sso_changed",
            "sso_linked",
        ],
    }
    assert CLIENT_SECRET not in log


def talk(folder: Path, server: RunningServer, *, names: DnsServer, provider: OidcProvider) -> dict[str, Any]:
    """What the program has to say at its end. Meanwhile it asks for what the world around it does."""
    env = os.environ | {
        "ADIUVA_URL": server.url,
        "ADIUVA_MAIL": str(Path(server.env["DATA_DIR"]) / "mail"),
        "ISSUER": provider.issuer,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
    }
    command = ["node", "build/test/programs/sign_on.js"]
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for line in program.stdout:
            told: dict[str, Any] = json.loads(line)
            match told:
                case {"ask": "publish", "given": [name, value]}:
                    names.publish(name, value)
                case {"ask": "log_in", "given": [subject, email]}:
                    provider.log_in(subject, email=email)
                case {"ask": "refuse"}:
                    provider.error = "access_denied"
                case {"ask": "allow"}:
                    provider.error = ""
                case _:
                    return told
            print(file=program.stdin, flush=True)
    raise AssertionError(f"the program has ended early: {server.log_text()[-3000:]}")
