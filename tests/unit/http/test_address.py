"""Which addresses may be reached, and which spellings count as a host."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import InvalidSettings
from mcpassport.http.address import is_host, parse_private_hosts, refusal

PUBLIC = ["93.184.215.14", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]
PRIVATE = ["127.0.0.1", "127.255.0.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fc00::1"]
METADATA = ["169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16"]
METADATA_V6 = ["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42"]
RESERVED = [
    *("0.0.0.0", "100.64.0.1", "169.254.1.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "192.88.99.1", "::", "fe80::1", "fec0::1", "ff02::1", "2001::1"),
    *("2001:db8::1", "3fff::1", "fe80::1%lo", "100::1"),
]
EMBEDDED = ["::ffff:{}", "::{}", "64:ff9b::{}", "64:ff9b:1::{}"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    """A globally reachable address is not refused."""
    assert refusal(address, private=False) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_open_only_when_listed(address: str) -> None:
    """Private and loopback are refused, and allowed to a listed host and port."""
    assert refusal(address, private=False) == "private"
    assert refusal(address, private=True) is None


@pytest.mark.parametrize("address", METADATA + METADATA_V6)
def test_metadata_is_refused_whatever_is_listed(address: str) -> None:
    """No setting opens an address that hands out credentials."""
    assert refusal(address, private=True) == "metadata"


@pytest.mark.parametrize("address", [*RESERVED, "localhost", "", "127.1", "①②⑦.0.0.1"])
def test_everything_else_is_refused_whatever_is_listed(address: str) -> None:
    """Reserved ranges and what is no address are refused, listed or not."""
    assert refusal(address, private=True) is not None


@given(st.ip_addresses(v=4), st.sampled_from(EMBEDDED))
def test_an_embedded_ipv4_address_is_always_refused(
    address: ipaddress.IPv4Address, form: str
) -> None:
    """Mapped, compatible and NAT64 forms are refused whatever they embed, save ::1."""
    text = form.format(address)
    assert refusal(text, private=False) is not None
    assert refusal(text, private=True) is not None or ipaddress.ip_address(text).is_loopback


@given(st.ip_addresses(v=4))
def test_6to4_is_always_refused(address: ipaddress.IPv4Address) -> None:
    """A 6to4 address is refused, whatever it embeds."""
    packed = (0x2002 << 112) | (int(address) << 80)
    assert refusal(str(ipaddress.IPv6Address(packed)), private=True) is not None


@given(st.ip_addresses())
def test_never_laxer_than_the_standard_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """What we let pass, `ipaddress` too calls global and no multicast."""
    if refusal(str(address), private=False) is None:
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    "host", ["example.com", "EXAMPLE.com.", "a_b", "localhost", "10.0.0.1", "::1", "x--1.y2"]
)
def test_names_and_canonical_addresses_are_hosts(host: str) -> None:
    """Names, and addresses in their one spelling, pass."""
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "010.0.0.1", "127.0.0.1."),
        *("①②⑦.0.0.1", "1.2.3.4.5", "256.1.1.1", "0x", "a.0x1", "fe80::1%eth0", "::g", ""),
        *("a..b", ".a", "-a", "a b", "a%2eb", "a/b", "a@b", "a\\b", "[::1]", "ａ.com"),
    ],
)
def test_odd_spellings_are_no_hosts(host: str) -> None:
    """What a resolver may read as something else is refused before it is asked."""
    assert not is_host(host)


def test_private_hosts_are_read_as_pairs() -> None:
    """Entries become lower-case host and port; IPv6 stands in brackets."""
    entries = ["LocalHost:8080", "10.0.0.5:443", "[::1]:9"]
    assert parse_private_hosts(entries) == {("localhost", 8080), ("10.0.0.5", 443), ("::1", 9)}


@pytest.mark.parametrize(
    "entry", ["localhost", "localhost:", "localhost:0", "localhost:70000", ":80", "127.1:80", "a:²"]
)
def test_a_bad_private_host_is_named(entry: str) -> None:
    """An entry that is not host:port stops the start, and the message shows it."""
    with pytest.raises(InvalidSettings, match="private_hosts"):
        parse_private_hosts([entry])
