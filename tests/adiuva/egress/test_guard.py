"""Which addresses that users name are connected to, and where they lead."""

import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.egress import EgressRefused, HostUnreachable, Room, check_form, guard, resolve
from adiuva.egress.guard import is_global

PUBLIC = "93.184.215.14"
Places = dict[str, list[tuple[str, int]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Places:
    """What the resolver knows; other names it does not."""
    known: Places = {"llm.example.com": [(PUBLIC, 443)]}

    def look_up(host: str, port: int) -> list[tuple[str, int]]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known[host]

    monkeypatch.setattr(guard, "_ask_system", look_up)
    return known


@pytest.fixture
def allow(settings: Any) -> Callable[..., None]:
    def allowed(*places: str) -> None:
        settings.EGRESS_ALLOW = frozenset(places)

    allowed()
    return allowed


def refusal(url: str) -> str:
    with pytest.raises(EgressRefused) as caught:
        resolve(url)
    assert caught.value.reason[0].isupper()
    assert caught.value.reason.endswith(".")
    return caught.value.reason


# --- what passes ---


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://llm.example.com", "https://llm.example.com"),
        ("https://llm.example.com/", "https://llm.example.com"),
        ("HTTPS://LLM.Example.COM:443/v1/", "https://llm.example.com/v1"),
        ("https://llm.example.com./v1", "https://llm.example.com/v1"),
        ("https://llm.example.com/openai/v1%20a", "https://llm.example.com/openai/v1%20a"),
        (f"https://{PUBLIC}/v1", f"https://{PUBLIC}/v1"),
        ("https://[2606:4700:0:0::1111]/v1", "https://[2606:4700::1111]/v1"),
    ],
)
def test_a_public_address_is_normalised(names: Places, allow: Any, url: str, expected: str) -> None:
    endpoint = resolve(url)
    assert endpoint.url == expected
    assert (endpoint.scheme, endpoint.port) == ("https", 443)
    assert all(is_global(address) for address, _ in endpoint.addresses)


def test_a_name_in_another_script_is_its_ascii_form(names: Places, allow: Any) -> None:
    names["xn--bcher-kva.example.com"] = [(PUBLIC, 443)]
    assert resolve("https://BÜCHER.example.com/v1").host == "xn--bcher-kva.example.com"


def test_the_endpoint_is_its_origin_and_no_other(names: Places, allow: Any) -> None:
    endpoint = resolve("https://llm.example.com/v1")
    assert endpoint.leads(scheme="https", host="llm.example.com", port=443)
    for scheme, host, port in [("http", "llm.example.com", 443), ("https", PUBLIC, 443), ("https", endpoint.host, 80)]:
        assert not endpoint.leads(scheme=scheme, host=host, port=port)


# --- what does not ---


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"),
        "0.0.0.0",  # noqa: S104 - refused
        *("127.0.0.01", "0", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0x", "127.0.0.1.", "127。0。0。1"),
        *(
            "\uff11\uff12\uff17.0.0.1",
            "①②⑦.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
        ),
        *("100.100.100.200", "192.0.0.192", "168.63.129.16", "198.18.0.1", "192.0.2.1", "203.0.113.1", "224.0.0.1"),
        *("239.255.255.250", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
        *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]"),
        *("[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]"),
        *("[2001:0:1::]", "[2001:db8::1]", "[3fff::1]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fec0::1]"),
        *("[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[100::1]", "[5f00::1]", "[2606:4700::5efe:7f00:1]"),
        *("[2606:4700::200:5efe:7f00:1]", "[::g]", "[127.0.0.1]", "[v1.x]", "[::1", "::1"),
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "db", "db.local", "printer.lan", "x.internal"),
        *("metadata.google.internal", "x.home.arpa", "x.onion", "x.invalid", "intranet.corp"),
        *("", ".", "..", "a..b.com", ".example.com", "llm.example.com..", "-a.example.com", "a-.example.com"),
        *("%6c%6c%6d.example.com", "llm%2eexample.com", "llm.example.com%00", "llm_example.com!", "a" * 64 + ".com"),
        *(
            "ex\u00adample.com\u200b",
            "xn--\u00fc.com",
            "llm.example.com:",
            "llm.example.com:0",
            "llm.example.com:65536",
        ),
        *(
            "llm.example.com:8443",
            "llm.example.com:80",
            "llm.example.com:-1",
            "llm.example.com:x",
            "nowhere.example.com",
        ),
        *("user@llm.example.com", "user:pass@llm.example.com", "@llm.example.com", "llm.example.com@127.0.0.1"),
        *("llm.example.com\\@127.0.0.1", "llm.example.com\t", "llm.example.com\n", "llm.example.com /", "\u3000"),
    ],
)
def test_a_host_that_is_not_one_of_the_public_internet_is_refused(names: Places, allow: Any, host: str) -> None:
    refusal(f"https://{host}/v1")


@pytest.mark.parametrize(
    "url",
    [
        *("", "llm.example.com", "//llm.example.com", "https:llm.example.com", "https:/llm.example.com", "https://"),
        *(
            "http://llm.example.com",
            "ftp://llm.example.com",
            "file:///etc/passwd",
            "gopher://llm.example.com",
            "ws://x.y",
        ),
        *("https://llm.example.com?", "https://llm.example.com/?x=1", "https://llm.example.com#", "https://x.y/#a"),
        *("https://llm.example.com/../x", "https://llm.example.com/a/%2e%2E/b", "https://llm.example.com/.%2e/"),
        *(
            "https://llm.example.com/\r\nHost: x",
            "https://llm.example.com/ü",
            "https://llm.example.com/<x>",
            " https://x.y",
        ),
        "https://llm.example.com/" + "x" * 2048,
    ],
)
def test_a_url_of_another_form_is_refused(names: Places, allow: Any, url: str) -> None:
    refusal(url)


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "fe80::1%2", "169.254.169.254"]
)
@pytest.mark.parametrize("at", [0, 1, 9])
def test_one_address_inside_is_one_too_many(names: Places, allow: Any, inside: str, at: int) -> None:
    names["llm.example.com"] = [(PUBLIC, 443)] * 9
    names["llm.example.com"].insert(at, (inside, 443))
    assert "public internet" in refusal("https://llm.example.com")


def test_a_name_without_an_address_is_refused(names: Places, allow: Any) -> None:
    names["llm.example.com"] = []
    refusal("https://llm.example.com")


# --- what the operator allows ---


def test_what_is_allowed_may_be_http_anywhere_on_any_port(names: Places, allow: Callable[..., None]) -> None:
    allow("127.0.0.1:11434", "[::1]:8080", "ollama:11434", "llm.example.com:80")
    names["ollama"] = [("172.18.0.5", 11434)]
    names["llm.example.com"] = [("10.0.0.1", 80)]
    assert resolve("http://127.0.0.1:11434/v1").addresses == (("127.0.0.1", 11434),)
    assert resolve("http://[0::1]:8080").url == "http://[::1]:8080"
    assert resolve("http://Ollama:11434/v1/").url == "http://ollama:11434/v1"
    assert resolve("http://llm.example.com").addresses == (("10.0.0.1", 80),)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:11435", "http://127.0.0.2:11434", "http://localhost:11434", "http://2130706433:11434"),
        *("http://[::ffff:127.0.0.1]:11434", "https://127.0.0.1", "http://user@127.0.0.1:11434", "http://ollama"),
    ],
)
def test_an_allowance_is_for_that_host_and_port_alone(names: Places, allow: Callable[..., None], url: str) -> None:
    allow("127.0.0.1:11434", "ollama:11434")
    refusal(url)


# --- looking up ---


def test_the_system_is_asked_once(allow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        v4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))
        v6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", port, 0, 0))
        return [v6, v4, v4]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert resolve("https://llm.example.com").addresses == (("2606:4700::1111", 443), (PUBLIC, 443))
    assert asked == ["llm.example.com"]


def test_a_link_of_this_machine_is_no_address(allow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 3))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    refusal("https://llm.example.com")


def test_a_resolver_that_hangs_is_waited_for_no_longer_than_that(allow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[tuple[str, int]]:
        release.wait(30)
        return [(PUBLIC, port)]

    monkeypatch.setattr(guard, "_ask_system", hang)
    room = Room(most=3, most_at_one_host=1)

    def asked(host: str) -> str:
        with pytest.raises(HostUnreachable) as refusal:
            resolve(f"https://{host}.example.com", room=room, seconds=0.05)
        return str(refusal.value)

    late, too_many = "the lookup took too long", "too many names are being looked up"
    try:
        assert [asked(host) for host in ("a", "a", "b", "c", "d")] == [late, too_many, late, late, too_many]
    finally:
        release.set()


def test_a_resolver_that_is_down_is_not_the_users_mistake(allow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(guard, "_ask_system", fail)
    with pytest.raises(HostUnreachable):
        resolve("https://llm.example.com")


# --- whatever is written ---


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_of_a_private_registry_passes(address: ipaddress.IPv4Address) -> None:
    if is_global(str(address)):
        assert address.is_global
        assert not address.is_private | address.is_multicast | address.is_reserved | address.is_link_local
    for embedding in ("::ffff:0:0", "::", "2002::"):
        shift = 80 if embedding == "2002::" else 0
        assert not is_global(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(embedding)) | int(address) << shift)))
    mapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | int(address))
    assert is_global(str(mapped)) == is_global(str(address))


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_of_a_private_registry_passes(address: ipaddress.IPv6Address) -> None:
    if is_global(str(address)) and address not in ipaddress.IPv6Network("64:ff9b::/96"):
        assert address in ipaddress.IPv6Network("2000::/3")
        assert address.is_global


@given(st.text(st.sampled_from("htps:/@.[]%#?\\0123456789abxX-: \t\u0660\uff11。ß\u200b"), max_size=40))
def test_no_text_is_more_than_refused(text: str) -> None:
    """Neither another error nor an address inside comes of it."""
    for url in (text, f"https://{text}", f"https://{text}/v1"):
        try:
            place = guard._read(url)
        except EgressRefused:
            continue
        assert (place.scheme, place.port) == ("https", 443)
        assert not place.is_literal or str(ipaddress.ip_address(place.host)) == place.host
        assert place.host.isascii()
        assert not set(place.host) & set("@/\\%# \t")


@pytest.mark.parametrize(
    "url", ["http://llm.example.com", "https://127.0.0.1", "https://localhost", "https://a.b:8443"]
)
def test_the_form_alone_is_refused_without_a_lookup(names: Places, allow: Callable[..., None], url: str) -> None:
    names.clear()
    with pytest.raises(EgressRefused):
        check_form(url)
    check_form("https://unknown.example.com")
    allow(url.partition("://")[2] + {"http": ":80", "https": ":443"}[url.partition(":")[0]], "a.b:8443")
    check_form(url)
