"""Somebody of their own for tests of the server: others in ``tests/adiuva`` ask so much that nothing is left of the
minute's requests.
"""

import pytest

from tests.adiuva.members import Member, join
from tests.support.server import RunningServer


@pytest.fixture(scope="package")
def member(server: RunningServer) -> Member:
    """A user of the team tier on ``server``."""
    member = join(server)
    server.manage("set_tier", member.email, "team")
    return member
