import pytest

from tests.adiuva.members import Member, join
from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def member(server: RunningServer) -> Member:
    """A user of the team tier (200 requests a minute) on ``server``."""
    member = join(server)
    server.manage("set_tier", member.email, "team")
    return member
