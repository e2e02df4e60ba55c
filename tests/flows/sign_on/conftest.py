import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dns_server import DnsServer
from tests.fakes.oidc_provider_node.process import NodeProvider, install
from tests.flows.sign_on.apps import App, PlainBrowser
from tests.flows.sign_on.company import CLIENT, Company, Service
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.template_database import Templates
from tests.support.worker import worker_beside

API = "/api/v1"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sign-on")


@pytest.fixture(scope="session")
def providers(folder: Path) -> Iterator[tuple[NodeProvider, NodeProvider]]:
    """Two companies' own, which differ in everything that a provider may choose."""
    installed = install(folder)
    one = NodeProvider(installed, log=folder / "one.log", authMethod="client_secret_basic", claimsIn="id_token")
    two = NodeProvider(
        installed, log=folder / "two.log", authMethod="client_secret_post", claimsIn="userinfo", algorithm="ES256"
    )
    with one, two:
        yield one, two


@pytest.fixture
def provider(providers: tuple[NodeProvider, NodeProvider]) -> NodeProvider:
    return providers[0]


@pytest.fixture
def other_provider(providers: tuple[NodeProvider, NodeProvider]) -> NodeProvider:
    return providers[1]


@pytest.fixture(scope="session")
def service(
    folder: Path, providers: tuple[NodeProvider, NodeProvider], database_templates: Templates
) -> Iterator[Service]:
    data = folder / "data"
    data.mkdir()
    with DnsServer() as dns:
        env = {
            "DATA_DIR": str(data),
            "DATABASE_URL": new_database(f"adiuva_sign_on_{os.getpid()}", data),
            "JWT_SECRET": secrets.token_hex(32),
            "LLM_PRELOAD": "false",
            "DNS_RESOLVER": dns.place,
            "EGRESS_ALLOW": ",".join(f"127.0.0.1:{provider.port}" for provider in providers),
        }
        server = RunningServer(folder=folder, env=env)
        database_templates.migrate(server)
        # By its name, as an operator would; a logout goes to its address: Node looks for localhost at ::1 first.
        client = {
            **CLIENT,
            "redirect_uris": [f"http://localhost:{server.port}{API}/auth/sso/callback"],
            "backchannel_logout_uri": f"{server.url}{API}/auth/sso/backchannel-logout",
        }
        for provider in providers:
            provider.set(clients=[client])
        server.start()
        with worker_beside(server, folder):
            yield Service(server, dns)
        server.stop()
        drop_database(env["DATABASE_URL"])


@pytest.fixture
def found(service: Service) -> Iterator[Callable[..., Company]]:
    """``found(provider, just_in_time=False)``: a company of this test's own."""
    with ExitStack() as founded:

        def make(provider: NodeProvider, **settings: Any) -> Company:
            return founded.enter_context(Company(service, provider, **settings))

        yield make


@pytest.fixture(scope="session")
def acme(service: Service, providers: tuple[NodeProvider, NodeProvider]) -> Iterator[Company]:
    """A company whose settings no test changes: it lets in whoever its provider knows."""
    with Company(service, providers[0]) as company:
        yield company


@pytest.fixture
def app(service: Service) -> Iterator[App]:
    with App(service.server) as app:
        yield app


@pytest.fixture
def person() -> Iterator[PlainBrowser]:
    """Somebody's browser."""
    with PlainBrowser() as browser:
        yield browser
