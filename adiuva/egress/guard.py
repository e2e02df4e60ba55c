"""Addresses that users name, taken apart by one strict reading and looked up once."""

import queue
import re
import socket
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

import idna
from django.conf import settings

from adiuva.egress.room import Room

MAX_CHARACTERS = 2048
LOOKUP_SECONDS = 5.0
_MOST_ADDRESSES = 8
# Python's lookups cannot be ended: so many hang at most, and further ones are refused. Names that nobody serves keep no
# one from a vendor, which no user has named, and users' own providers nobody from signing in.
OF_USERS = Room(most=64, most_at_one_host=32)
OF_SIGN_ON = Room(most=64, most_at_one_host=16)
OF_OURS = Room(most=16, most_at_one_host=16)

_HTTPS_PORT = 443
_LAST_PORT = 65_535
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_MOST_NAME_CHARACTERS = 253
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
# WHATWG: a host whose last part is a number is an IPv4 address, however it is written (2130706433, 0x7f.1, 0177.0.0.1).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 6761, 6762, 7686, 8375, 9476, and what ICANN keeps for private use: names of this host or its neighbours.
_LOCAL_NAMES = ("localhost", "local", "internal", "invalid", "onion", "home.arpa", "alt", "localdomain", "lan", "corp")

# Which addresses are on the open internet: RFC 6890 and IANA's registries.
_UNICAST = IPv6Network("2000::/3")
# RFC 6052: what a network without IPv4 makes of an IPv4 address.
_NAT64 = IPv6Network("64:ff9b::/96")
# Not for the world, though Python's tables, in some of its versions, take them to be.
_NOT_GLOBAL: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # IETF protocols; 192.0.0.192 is Oracle's metadata
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("168.63.129.16/32"),  # Azure's WireServer: it answers machines there, with what only they may know
    IPv6Network("2001::/23"),  # IETF protocols; Teredo, which holds an IPv4 address, is 2001::/32
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4: holds an IPv4 address
    IPv6Network("3fff::/20"),
)

SocketAddress = tuple[str, int]


class EgressRefused(Exception):  # noqa: N818 - nothing has failed
    """This address is not connected to. ``reason``: a sentence for whoever wrote it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HostUnreachable(Exception):  # noqa: N818 - what is wrong is the host
    """Nobody answers there, or not as HTTP asks for: another time it may be different."""


class AnswerTooLarge(HostUnreachable):
    """More comes than was asked for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base address with where it leads. ``url`` is normalised, without a slash at its end; ``host`` is without
    brackets; ``addresses`` are those to connect to, checked, and no others.
    """

    url: str
    scheme: str
    host: str
    port: int
    addresses: tuple[SocketAddress, ...]

    def leads(self, *, scheme: str, host: str, port: int | None) -> bool:
        """Whether a request there is one to this endpoint."""
        return (scheme, host, port) == (self.scheme, self.host, self.port)


@dataclass(frozen=True, slots=True)
class _Place:
    scheme: str
    host: str
    port: int
    path: str
    is_literal: bool
    is_allowed: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == {"https": 443, "http": 80}[self.scheme]
        return host if is_usual else f"{host}:{self.port}"


def resolve(url: str, *, room: Room = OF_USERS, seconds: float = LOOKUP_SECONDS) -> Endpoint:
    """``url`` with the addresses of its host. Blocks for as long as the lookup takes, at most ``seconds``.

    https on port 443 and global addresses only; ``settings.EGRESS_ALLOW`` names the ``host:port`` where http, the port
    and every address are fine. Raises ``EgressRefused``, and ``HostUnreachable`` when the lookup fails, takes too long
    or finds no place in ``room``.
    """
    place = _read(url)
    addresses = [(place.host, place.port)] if place.is_literal else _look_up(place.host, place.port, room, seconds)
    _check_addresses(place, [host for host, _ in addresses])
    return Endpoint(
        url=f"{place.scheme}://{place.authority}{place.path}",
        scheme=place.scheme,
        host=place.host,
        port=place.port,
        addresses=tuple(addresses[:_MOST_ADDRESSES]),
    )


def check_form(url: str) -> None:
    """Raises ``EgressRefused`` where ``resolve`` would whatever addresses a name has: for what a browser opens."""
    place = _read(url)
    if place.is_literal:
        _check_addresses(place, [place.host])


def _check_addresses(place: _Place, addresses: list[str]) -> None:
    if not addresses or not (place.is_allowed or all(map(is_global, addresses))):
        raise EgressRefused("This host's address is not on the public internet.")


def _read(url: str) -> _Place:
    if len(url) > MAX_CHARACTERS:
        raise EgressRefused(f"This is longer than {MAX_CHARACTERS} characters.")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise EgressRefused("This holds a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("This is not a URL.") from None
    _check_form(url, parts)
    host, is_literal = _read_host(parts)
    if port is None:
        port = _HTTPS_PORT if parts.scheme == "https" else 80
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    place = _Place(parts.scheme, host, port, parts.path.rstrip("/"), is_literal, authority in settings.EGRESS_ALLOW)
    if not place.is_allowed:
        _check_openness(place)
    return place


def _check_form(url: str, parts: SplitResult) -> None:
    if parts.scheme not in {"https", "http"} or not parts.netloc:
        raise EgressRefused("This must begin with https://.")
    if "@" in parts.netloc:
        raise EgressRefused("This must not hold a user name or a password.")
    if "?" in url or "#" in url:
        raise EgressRefused("This must not hold a query or a fragment.")
    if parts.netloc.endswith(":") or parts.port == 0:
        raise EgressRefused("The port is missing behind its colon.")
    if not _PATH.fullmatch(parts.path) or {".", ".."} & set(parts.path.lower().replace("%2e", ".").split("/")):
        raise EgressRefused("The path holds characters that no path has, or a way up.")


def _read_host(parts: SplitResult) -> tuple[str, bool]:
    """As it is connected to, and whether it is an IP address."""
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        try:
            address = IPv6Address(host)
        except ValueError:
            raise EgressRefused("This is not an IPv6 address.") from None
        if address.scope_id is not None:
            raise EgressRefused("An IPv6 address must not name a zone.")
        return str(address), True
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, std3_rules=True).decode()
        except UnicodeError:
            raise EgressRefused("This is not a host's name.") from None
    host = host.removesuffix(".")
    try:
        return str(IPv4Address(host)), True
    except ValueError:
        pass
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        raise EgressRefused("An IPv4 address is written as four decimal numbers.")
    if len(host) > _MOST_NAME_CHARACTERS or not all(_LABEL.fullmatch(label) for label in labels):
        raise EgressRefused("This is not a host's name.")
    return host, False


def _check_openness(place: _Place) -> None:
    if place.scheme != "https":
        raise EgressRefused("This must begin with https://.")
    if place.port != _HTTPS_PORT:
        raise EgressRefused("Only port 443 is connected to.")
    if not place.is_literal and is_local_name(place.host):
        raise EgressRefused("This host's name is not one of the public internet.")


def is_local_name(host: str) -> bool:
    """Whether a name, in lower case, means something else in each network, or nothing in the public DNS."""
    return "." not in host or any(f".{host}".endswith(f".{local}") for local in _LOCAL_NAMES)


def _look_up(host: str, port: int, room: Room, seconds: float) -> list[SocketAddress]:
    """Each once. In a thread, since the system's resolver knows no time limit."""
    if not room.take(host):
        raise HostUnreachable("too many names are being looked up")
    answers: queue.SimpleQueue[list[SocketAddress] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_ask_system(host, port))
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answers.put(error)
        finally:
            room.give_back(host)

    try:
        threading.Thread(target=ask, name="egress-lookup", daemon=True).start()
    except RuntimeError:
        room.give_back(host)
        raise HostUnreachable("no thread is left to look the name up") from None
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise HostUnreachable("the lookup took too long") from None
    match answer:
        case list():
            return answer
        case socket.gaierror(errno=socket.EAI_AGAIN):
            raise HostUnreachable("the lookup failed") from None
        case OSError() | UnicodeError():
            raise EgressRefused("No host of this name was found.") from None
        case _:
            raise answer


def _ask_system(host: str, port: int) -> list[SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A zone, in the fourth part of an IPv6 address, is a link's: written out, it is no global address.
    places = [
        (f"{address[0]}%{address[3]}" if len(address) > 2 and address[3] else str(address[0]), int(address[1]))  # noqa: PLR2004
        for _, _, _, _, address in found
    ]
    return list(dict.fromkeys(places))


def is_global(text: str) -> bool:
    """``text`` is an address as ``getaddrinfo`` writes it; false also for one with a zone, and for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            return _is_open(IPv4Address(int(address) & 0xFFFFFFFF))
        # Also keeps out ::, ::1, mapped and compatible IPv4, local, link-local and multicast ones.
        return address in _UNICAST and not _holds_ipv4(address) and _is_open(address)
    return _is_open(address)


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not is_special and not any(address in network for network in _NOT_GLOBAL)


def _holds_ipv4(address: IPv6Address) -> bool:
    """ISATAP (RFC 5214) writes an IPv4 address into any prefix; the others have prefixes of their own."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE  # noqa: PLR2004 - with or without the "universal" bit
