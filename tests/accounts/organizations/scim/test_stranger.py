"""A stranger's test of SCIM (scim2-tester), and what only a running server shows."""

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.support.server import RunningServer

pytestmark = pytest.mark.thorough

SESSION_OVER = 4401
# ``active`` is not required, since who does not name it means true; but nobody is without it. RFC 7644 § 3.5.2.2 has
# the word ``mutability`` for what cannot be taken away, and the tester takes whatever is not required for removable.
EXPLAINED = {("check_remove_attribute", "Failed to remove attribute 'active': active cannot be taken away.")}
# In the server's own database: an organisation with a proven domain, a SCIM token, and a member with a session.
SETUP = """
import json
from tests.accounts.organizations.scim.directory import make_directory
from tests.support.accounts import make_account
from tests.support.organizations import join
directory = make_directory(seats=50, domain={domain!r})
member = join(directory.organization, make_account(email="member@" + {domain!r}))
known = [str(directory.organization.id), directory.token, str(member.user.id), member.access_token]
print("SETUP" + json.dumps(known))
"""


class FreshAddresses(Sequence[str]):
    """Whatever is taken out of it is an address that nobody has. The tester chooses among an attribute's examples."""

    def __init__(self, domain: str) -> None:
        self.domain = domain

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: Any) -> Any:
        return f"{uuid.uuid4().hex[:12]}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Running:
    client: httpx2.Client
    domain: str
    member_id: str
    access_token: str


@pytest.fixture(scope="module")
def running(server: RunningServer) -> Iterator[Running]:
    domain = f"{uuid.uuid4().hex[:12]}.example"
    printed = server.manage("shell", "--no-imports", "-c", SETUP.format(domain=domain))
    organization_id, token, member_id, access_token = json.loads(printed.partition("SETUP")[2])
    url = f"{server.url}/scim/v2/{organization_id}"
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        yield Running(client=client, domain=domain, member_id=member_id, access_token=access_token)


def test_a_stranger_finds_nothing_wrong(running: Running) -> None:
    # Here, since they take two seconds, and every process imports this module.
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    client = SyncSCIMClient(running.client)
    client.discover()
    model: Any = client.get_resource_model("User")
    model.model_fields["user_name"].examples = FreshAddresses(running.domain)

    results = check_server(client)

    failed = {(result.title, result.reason) for result in results if result.status is not Status.SUCCESS}
    assert failed == EXPLAINED
    assert len(results) > 30


def test_a_socket_closes_at_once_when_its_user_is_deactivated(running: Running, server: RunningServer) -> None:
    bearer = {"Authorization": f"Bearer {running.access_token}"}
    ticket = httpx2.post(f"{server.url}/api/v1/auth/ws-ticket", headers=bearer, timeout=60).json()["ticket"]
    with connect(f"{server.ws_url}/api/v1/chat/stream?ticket={ticket}") as socket:
        operation = {"op": "Replace", "path": "active", "value": "False"}

        answer = running.client.patch(f"/Users/{running.member_id}", json={"Operations": [operation]})

        answered = time.monotonic()
        assert answer.json()["active"] is False
        with pytest.raises(ConnectionClosedError) as closed:
            _read_to_the_end(socket)
        assert time.monotonic() - answered < 5  # a second on a machine that is not busy; by the sweep it is 30
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == SESSION_OVER
    assert httpx2.get(f"{server.url}/api/v1/auth/me", headers=bearer, timeout=60).status_code == 401


def test_a_body_that_is_too_large_is_413(running: Running) -> None:
    refused = running.client.post("/Users", content=b" " * 300_000, headers={"Content-Type": "application/scim+json"})

    assert (refused.status_code, refused.json()["status"]) == (413, "413")
    assert refused.headers["Content-Type"] == "application/scim+json"


def _read_to_the_end(socket: ClientConnection) -> None:
    while True:
        socket.recv(timeout=30)
