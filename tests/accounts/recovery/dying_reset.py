"""A process that is killed in the middle of a reset: ``python -m tests.accounts.recovery.dying_reset TOKEN``.

What it would do next is begin the session: the password, its hash and the envelopes are written, and not committed.
"""

import os
import signal
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")

import django

django.setup()

from accounts.recovery import reset
from accounts.security_events.recording import Origin


def die(*_args: object, **_kwargs: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


reset._begin_session = die  # type: ignore[assignment]
reset.reset_password(
    token=sys.argv[1], new_password="another long sentence", origin=Origin(ip=None, user_agent="dying")
)
