"""The project's settings in a test's surroundings: a throw-away data folder, no provider, cheap password hashes.

``DATABASE_URL`` and ``REDIS_URL`` are taken from the environment, so that one suite runs on SQLite and on PostgreSQL
with Redis. The Redis database is emptied between tests; with ``pytest -n 3`` the next two are, too.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

_KEPT = {"DATABASE_URL", "REDIS_URL"}
_data_dir = Path(tempfile.mkdtemp(prefix="adiuva-tests-"))
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)

from adiuva.environment import Environment  # noqa: E402

for _name in Environment.model_fields:
    if _name not in _KEPT:
        os.environ.pop(_name, None)
os.environ["DATA_DIR"] = str(_data_dir)
os.environ["JWT_SECRET"] = "c7b3f5a29d8e41609b7c2d5e8f1a3046c7b3f5a29d8e41609b7c2d5e8f1a3046"
if _redis := os.environ.get("REDIS_URL"):
    # Workers of one run must not empty each other's database: the first has the one that is named, the second the next.
    _worker = int(os.environ.pop("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    _parts = urlsplit(_redis)
    os.environ["REDIS_URL"] = _parts._replace(path=f"/{int(_parts.path.strip('/') or 0) + _worker}").geturl()

from adiuva.settings import *  # noqa: E402, F403
from adiuva.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file: threads of one test have connections of their own, and in memory they would share one.
    DATABASES["default"]["TEST"] = {"NAME": str(_data_dir / "test.sqlite3")}
    # Threads come and go with a test's event loop; a connection each kept would never be closed.
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # Nothing here has to outlive a power cut.
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
PASSWORD_HASHERS = ["tests.support.hashers.CheapBCrypt"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # outside of a test, too: no file is written
