"""A loopback name server for TXT records, over UDP and TCP, with the faults that real ones have."""

import socketserver
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

# silent: no answer at all. servfail, refused: an answer that is none. truncated: the whole one over TCP only.
# truncated_forever: TCP does not answer. wrong_id: an answer to another question, as a forger would send who has not
# seen it. garbage: no message of the DNS. empty: the name is there, and has no TXT record.
Fault = Literal["silent", "servfail", "refused", "truncated", "truncated_forever", "wrong_id", "garbage", "empty"]


@dataclass
class DnsServer:
    """``records``: by name in lower case, without the dot at its end, each text as the strings it is made of.
    ``questions``: what was asked, as (transport, name).
    """

    records: dict[str, list[tuple[bytes, ...]]] = field(default_factory=dict)
    fault: Fault | None = None
    questions: list[tuple[Literal["udp", "tcp"], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._servers: list[socketserver.BaseServer] = []

    @property
    def place(self) -> str:
        """As ``DNS_RESOLVER`` names it."""
        return f"127.0.0.1:{self.port}"

    def publish(self, name: str, *texts: str) -> None:
        self.records.setdefault(name, []).extend((text.encode(),) for text in texts)

    def start(self) -> Self:
        streams, datagrams = _pair(self)
        self.port: int = streams.server_address[1]
        self._servers = [streams, datagrams]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, wire: bytes, *, transport: Literal["udp", "tcp"]) -> bytes | None:
        """None: nothing is said."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.questions.append((transport, name))
        if self.fault == "silent" or (self.fault == "truncated_forever" and transport == "tcp"):
            return None
        if self.fault == "garbage":
            return wire[:2] + b"\xff" * 9
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.fault == "wrong_id":
            response.id = query.id ^ 1
        texts = self.records.get(name)
        if self.fault in ("servfail", "refused"):
            response.set_rcode(dns.rcode.SERVFAIL if self.fault == "servfail" else dns.rcode.REFUSED)
        elif self.fault is not None and self.fault.startswith("truncated") and transport == "udp":
            response.flags |= dns.flags.TC
        elif texts is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT and self.fault != "empty":
            records = [TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings) for strings in texts]
            response.answer.append(dns.rrset.from_rdata(question.name, 60, *records))
        return response.to_wire()


class _Datagrams(socketserver.ThreadingUDPServer):
    daemon_threads = True
    block_on_close = False


class _Streams(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


def _pair(owner: DnsServer) -> tuple[_Streams, _Datagrams]:
    """Both on one port, as name servers are."""

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sender = self.request
            answer = owner.answer(wire, transport="udp")
            if answer is not None:
                sender.sendto(answer, self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        timeout = 10

        def handle(self) -> None:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            answer = owner.answer(self.rfile.read(struct.unpack("!H", head)[0]), transport="tcp")
            if answer is None:
                self.rfile.read(1)  # until the other side has had enough
                return
            self.wfile.write(struct.pack("!H", len(answer)) + answer)

    while True:
        streams = _Streams(("127.0.0.1", 0), Stream)
        try:
            return streams, _Datagrams(("127.0.0.1", streams.server_address[1]), Datagram)
        except OSError:  # another program has that port for its datagrams
            streams.server_close()
