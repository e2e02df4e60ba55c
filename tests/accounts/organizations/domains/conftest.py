from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.dns_server import DnsServer


@pytest.fixture
def name_server(settings: Any, transactional_db: None) -> Iterator[DnsServer]:
    """The one that is asked. It knows nothing yet. While it is asked the database's connection is given back, and with
    it what a test without transactions would have left open.
    """
    with DnsServer() as server:
        settings.DNS_RESOLVER = server.place
        yield server
