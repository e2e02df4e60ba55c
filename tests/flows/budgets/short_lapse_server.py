"""The server with reservations that lapse a second after their turn's deadline, not half a minute after it. As
`python -m tests.flows.budgets.short_lapse_server`.
"""

from tests.support import short_minute

GRACE_SECONDS = 1


def _shorten() -> None:
    from chat.budgets import allowance

    allowance.GRACE_SECONDS = GRACE_SECONDS


if __name__ == "__main__":
    short_minute.main(_shorten)
