"""Hosts that a user may name for a language model and that are none, or none that can be trusted."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@contextmanager
def untrusted_tls(folder: Path) -> Iterator[tuple[int, list[bytes]]]:
    """HTTPS on a port of 127.0.0.1 with a certificate that nobody has signed; and what was said to it in spite of that,
    heads and bodies.
    """
    heard: list[bytes] = []
    with _listening(heard) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(folder))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        yield server.server_address[1], heard


@contextmanager
def redirecting(target: str) -> Iterator[tuple[int, list[bytes]]]:
    """HTTP that sends everybody to ``target``."""
    heard: list[bytes] = []
    with _listening(heard, location=target) as server:
        yield server.server_address[1], heard


@contextmanager
def _listening(heard: list[bytes], *, location: str = "") -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            heard.append(bytes(self.headers) + self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            self.send_response(307 if location else 200)
            if location:
                self.send_header("Location", f"{location}{self.path}")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None:
            """Nothing: it is no test's output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that does not trust the certificate is what is wanted."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / "untrusted.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file
