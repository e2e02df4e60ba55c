"""kill -9 after everything is written and before it is committed: all is as it was, and the link works."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import KeyEnvelope, Session, User
from tests.accounts.recovery.actions import confirm_reset, log_in, reset_token
from tests.accounts.recovery.keys import store_envelope
from tests.support.accounts import Account
from tests.support.server import PROJECT_DIR

pytestmark = pytest.mark.thorough

MakeUser = Callable[..., Account]


def database_url() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)


@pytest.mark.django_db(transaction=True)
def test_a_reset_that_is_killed_leaves_the_old_state_whole(make_user: MakeUser, tmp_path: Path) -> None:
    account = make_user()
    store_envelope(account, "password", "main")
    token = reset_token(account)
    before = User.objects.values().get(id=account.user.id)
    connection.close()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.accounts.recovery.dying_reset", token],
        cwd=PROJECT_DIR,
        env=os.environ
        | {"DATABASE_URL": database_url(), "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "adiuva.settings"},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert User.objects.values().get(id=account.user.id) == before
    assert KeyEnvelope.objects.for_user(account.user.id).filter(kind="password").exists()
    assert Session.objects.get(id=account.session_id).revoked_at is None
    assert log_in(account.email, account.password).status == 200
    assert confirm_reset(token).json["locked"] is True
