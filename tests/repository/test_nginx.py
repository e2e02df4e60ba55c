"""The recipe of docs/operations.md in a real nginx, in front of the real server."""

import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from h2.connection import H2Connection
from h2.events import ResponseReceived
from websockets.sync.client import connect as open_socket

from tests.adiuva.members import Member, join
from tests.repository.test_runbook import FILES
from tests.support.ports import held_port
from tests.support.raw_http import SECONDS
from tests.support.server import RunningServer

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
RECIPE = FILES["/etc/nginx/sites-available/adiuva"]
MIB = 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="needs nginx")]

# What the recipe is included in: Debian's own, with the line that operators take the # away from.
AROUND = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    default_type application/octet-stream;
    gzip on;
    gzip_min_length 1;
    gzip_proxied any;
    gzip_types application/json application/octet-stream application/problem+json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    server: RunningServer
    port: int
    plain_port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """A new one: a client writes into it which protocols it speaks."""
        return ssl.create_default_context(cafile=self.folder / "fullchain.pem")

    def client(self, member: Member) -> httpx.Client:
        headers = {"Authorization": f"Bearer {member.token}"}
        return httpx.Client(base_url=self.url, verify=self.trust(), http2=True, timeout=SECONDS, headers=headers)


def make_certificate(folder: Path) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", folder / "privkey.pem")
    name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = ("openssl", "req", "-x509", *key, *name, "-days", "2", "-out", folder / "fullchain.pem")
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def server(server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("behind")
    own = {"DATA_DIR": str(folder / "data"), "FORWARDED_ALLOW_IPS": "127.0.0.1", "PUBLIC_URL": "https://localhost"}
    running = RunningServer(folder=folder, env=server_environment | own).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def proxy(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    make_certificate(folder)
    running = Proxy(server, held_port(server), held_port(server), folder)
    here = {
        "/etc/letsencrypt/live/api.example.com": str(folder),
        "/var/log/nginx": str(folder),
        "server 127.0.0.1:8000": f"server 127.0.0.1:{server.port}",
        "listen 443": f"listen 127.0.0.1:{running.port}",
        "listen 80": f"listen 127.0.0.1:{running.plain_port}",
        "api.example.com": "localhost",
    }
    site = RECIPE
    for there, replacement in here.items():
        assert there in site
        site = site.replace(there, replacement)
    user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are nobody else's
    (folder / "nginx.conf").write_text(AROUND.format(user=user, folder=folder, site=site))
    tested = subprocess.run(
        [str(NGINX), "-t", "-c", folder / "nginx.conf"], capture_output=True, text=True, check=False, timeout=30
    )
    assert tested.returncode == 0, tested.stderr
    process = subprocess.Popen([str(NGINX), "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if (folder / "pid").exists() and (folder / "pid").read_text():
                break
            assert process.poll() is None
            threading.Event().wait(0.05)
        yield running
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def member(server: RunningServer) -> Member:
    joined = join(server)
    server.manage("set_tier", joined.email, "pro")
    return joined


def upload(
    client: httpx.Client, method: str, path: str, body: bytes | Iterable[bytes], **headers: str
) -> httpx.Response:
    if isinstance(body, bytes):
        headers["X-Checksum"] = hashlib.sha256(body).hexdigest()
    sent = {"Content-Type": "application/octet-stream", **headers}
    return client.request(method, f"/api/v1/storage/records{path}", content=body, headers=sent)


def test_a_record_is_changed_by_the_etag_of_any_answer_though_nginx_may_compress(proxy: Proxy, member: Member) -> None:
    with proxy.client(member) as client:
        made = upload(client, "POST", "?table_name=notes", b"sealed " * 1000)
        assert made.status_code == 201, made.text
        path = "/" + made.json()["id"]
        for etag in (made.headers["ETag"], None):
            read = client.get(f"/api/v1/storage/records{path}", headers={"Accept-Encoding": "gzip"})
            assert "Content-Encoding" not in read.headers
            changed = upload(client, "PUT", path, b"more " * 1000, **{"If-Match": etag or read.headers["ETag"]})
            assert (changed.status_code, changed.headers["ETag"][0]) == (200, '"')


def test_a_body_without_a_length_is_taken_over_http_2(proxy: Proxy, member: Member) -> None:
    """As `fetch` sends a stream: it refuses to do so over HTTP/1.1."""
    body = b"sealed " * MIB
    with proxy.client(member) as client:
        pieces = (body[start : start + MIB] for start in range(0, len(body), MIB))
        checksum = hashlib.sha256(body).hexdigest()
        stored = upload(client, "POST", "?table_name=notes", pieces, **{"X-Checksum": checksum})
        assert (stored.http_version, stored.status_code) == ("HTTP/2", 201)
        read = client.get(f"/api/v1/storage/records/{stored.json()['id']}")
        assert (read.content == body, read.http_version) == (True, "HTTP/2")


def test_the_end_of_a_body_is_not_waited_for(proxy: Proxy) -> None:
    """The body reaches the API as it comes: here it is refused, and never ends before that."""
    trust = proxy.trust()
    trust.set_alpn_protocols(["h2"])
    spoken = H2Connection()
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=SECONDS) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as line,
    ):
        spoken.initiate_connection()
        stream = spoken.get_next_available_stream_id()
        spoken.send_headers(
            stream,
            [
                (":method", "POST"),
                (":scheme", "https"),
                (":authority", f"localhost:{proxy.port}"),
                (":path", "/api/v1/storage/records"),
                ("content-type", "application/octet-stream"),
            ],
        )
        spoken.send_data(stream, b"x" * 1000)
        line.sendall(spoken.data_to_send())
        told: list[object] = []
        while not (answers := [event for event in told if isinstance(event, ResponseReceived)]):
            received = line.recv(65536)
            assert received, "the connection ended without an answer"
            told += spoken.receive_data(received)
            line.sendall(spoken.data_to_send())
    assert dict(answers[0].headers)[b":status"] == b"401"


def test_sockets_open_and_frames_go_both_ways(proxy: Proxy, member: Member) -> None:
    url = f"wss://localhost:{proxy.port}/api/v1/chat/stream"
    with open_socket(url, ssl=proxy.trust(), additional_headers={"Authorization": f"Bearer {member.token}"}) as opened:
        opened.send('{"type": "no such type"}')
        assert json.loads(opened.recv(SECONDS))["type"] == "error"


def test_who_asks_and_how_is_passed_on_and_the_inside_stays_inside(proxy: Proxy, member: Member) -> None:
    with proxy.client(member) as client:
        assert client.get("/metrics").status_code == 404
        assert client.get("/api/v1/auth/sessions").status_code == 200
        assert client.get("/admin/login/?next=a-secret").status_code == 200
    plain = httpx.get(f"http://127.0.0.1:{proxy.plain_port}/x", headers={"Host": "localhost"})
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://localhost/x")
    log = (proxy.folder / "adiuva.log").read_text()
    assert "GET /admin/login/ 200" in log
    assert "a-secret" not in log
