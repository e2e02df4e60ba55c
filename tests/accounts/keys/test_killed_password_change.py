"""The process dies between the new password and the envelope that it seals."""

import json
from pathlib import Path

import pytest

from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

# The account and the kills are in one process and its children: to start Django anew for each would take seconds.
CHANGES = """
import json, os, signal
from contextlib import nullcontext
from unittest.mock import patch
from django.conf import settings
from django.db import connection, connections
from accounts import passwords
from accounts.models import User
from accounts.registration import log_in
from adiuva.api.errors import InvalidCredentials
from tests.accounts.keys.sealed import kdf
from tests.support.accounts import PASSWORD, TESTS, make_account

settings.PASSWORD_HASHERS = ["tests.support.hashers.CheapBCrypt"]
NEW = "another good one"

def sealed(text):
    return {"kind": "password", "ref": "main", "blob": text.encode(), "checksum": "0" * 64, "key_id": "k"}

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def after(name):
    real = getattr(passwords, name)
    def run(**kwargs):
        real(**kwargs)
        die()
    return patch.object(passwords, name, run)

def logs_in(password):
    try:
        return bool(log_in(email=account.email, password=password, origin=TESTS))
    except InvalidCredentials:
        return False

account = make_account()
account.user.kdf = old = kdf()
account.user.save()
passwords.replace_envelopes(user=account.user, envelopes=[sealed("old")], origin=TESTS)
deaths = {
    "before anything": patch.object(passwords, "require_password_envelopes", die),
    "password written": patch.object(passwords, "set_kdf", die),
    "kdf written": after("set_kdf"),
    "before the envelope": patch.object(passwords, "replace_envelopes", die),
    "all written": after("replace_envelopes"),
    "committed": nullcontext(),
}
found = {}
for moment, death in deaths.items():
    connections.close_all()
    if hasattr(connection, "close_pool"):
        connection.close_pool()  # of PostgreSQL: a child must not share its sockets
    child = os.fork()
    if not child:
        with death:
            user = User.objects.get(id=account.user.id)
            new = {"new_password": NEW, "kdf": kdf(), "envelopes": [sealed("new")]}
            given = {"session_id": account.session_id, "current_password": PASSWORD, "origin": TESTS}
            passwords.change_password(user=user, **given, **new)
        die()
    status = os.waitpid(child, 0)[1]
    user = User.objects.get(id=account.user.id)
    envelope = bytes(user.key_envelopes.get().blob).decode()
    goes_on = user.sessions.filter(id=account.session_id, revoked_at=None).exists()
    found[moment] = [os.WTERMSIG(status), logs_in(PASSWORD), logs_in(NEW), user.kdf == old, envelope, goes_on]
print(json.dumps(found))
"""
KILLED = 9


def test_the_old_password_opens_the_old_envelope_until_all_is_written(
    server_environment: dict[str, str], tmp_path: Path
) -> None:
    printed = RunningServer(folder=tmp_path, env=server_environment).manage("shell", "--verbosity=0", "-c", CHANGES)
    found = json.loads(printed.splitlines()[-1])
    untouched = [KILLED, True, False, True, "old", True]
    assert found.pop("committed") == [KILLED, False, True, False, "new", False]
    assert found == dict.fromkeys(found, untouched)
    assert len(found) == 5
