"""The server with leases of a second and a half: what takes devices hours takes them seconds. As
`python -m tests.flows.batches.short_lease_server`.
"""

from datetime import timedelta

from tests.support import short_minute

LEASE_SECONDS = 1.5


def _shorten() -> None:
    from agents.batches import leases

    leases.LEASE = timedelta(seconds=LEASE_SECONDS)


if __name__ == "__main__":
    short_minute.main(_shorten)
