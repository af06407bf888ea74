"""Which network addresses an outbound request may reach, decided on the address itself.

Sources: the IANA special-purpose address registries (RFC 6890 and its updates), the metadata
addresses of the clouds' own manuals. The tables are ours and not `ipaddress.is_global`, whose
answers differ between Python releases.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from mcpassport.errors import InvalidSettings

HostPort: TypeAlias = tuple[str, int]
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


METADATA: Final = _networks(
    "169.254.169.254/32",  # AWS, Azure, Google, OpenStack, DigitalOcean, Oracle
    "169.254.170.0/24",  # AWS container credentials
    "169.254.42.42/32",  # Scaleway
    "100.100.100.200/32",  # Alibaba
    "192.0.0.192/32",  # Oracle, older images
    "168.63.129.16/32",  # Azure, inside its public range
    "fd00:ec2::/32",  # AWS
    "fd20:ce::254/128",  # Google
    "fd00:42::42/128",  # Scaleway
)
"""Addresses that hand credentials to whoever asks. No setting opens them."""

PRIVATE: Final = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7"
)
"""Private and loopback: open only to a host and port listed in `private_hosts`."""

RESERVED: Final = _networks(
    "0.0.0.0/8",  # this network
    "100.64.0.0/10",  # shared by carriers (CGNAT)
    "169.254.0.0/16",  # link-local
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "2001::/23",  # protocol assignments, Teredo and ORCHID among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: an IPv4 address in disguise
    "3fff::/20",  # documentation
)
GLOBAL_IPV6: Final = ipaddress.IPv6Network("2000::/3")
"""All global unicast there is. Outside lie the unspecified address, link-local, multicast, and
the forms that embed IPv4: mapped, compatible, NAT64 (64:ff9b::/96, 64:ff9b:1::/48)."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,253}")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MAX_PORT: Final = 65_535


def refusal(address: str, *, private: bool) -> str | None:
    """Why a connection to that numeric address is refused, or None if it may be made.

    `private` says that the host and port asked for are listed in `private_hosts`.
    First match wins: (1) what is no address; (2) metadata, always; (3) private and loopback,
    unless listed; (4) everything else that is not globally reachable.
    """
    try:
        parsed: _Address = ipaddress.ip_address(address)
    except ValueError:
        return "not an address"  # (1)
    if _within(parsed, METADATA):
        return "metadata"  # (2)
    if _within(parsed, PRIVATE):
        return None if private else "private"  # (3)
    if _within(parsed, RESERVED) or (parsed.version == 6 and parsed not in GLOBAL_IPV6):  # noqa: PLR2004 - the IP version
        return "reserved"  # (4)
    return None


def _within(address: _Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=256)
def is_host(host: str) -> bool:
    """Whether that is a host name, or an address in its one canonical spelling.

    `127.1`, `0x7f.1`, `2130706433` and `010.0.0.1` are neither; resolvers read them as addresses
    (the WHATWG URL standard's "ends in a number" rule). A zone (`fe80::1%eth0`) is refused.
    """
    last = host.removesuffix(".").rpartition(".")[2]
    if ":" not in host and _NUMBER.fullmatch(last) is None:
        return _NAME.fullmatch(host) is not None and ".." not in host
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def parse_private_hosts(entries: Iterable[str]) -> frozenset[HostPort]:
    """The `host:port` entries as pairs, IPv6 in brackets; `InvalidSettings` names a bad one."""
    return frozenset(_host_port(entry) for entry in entries)


def _host_port(entry: str) -> HostPort:
    host, _, port = entry.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not is_host(host) or not 0 < number <= _MAX_PORT:
        raise InvalidSettings(f"private_hosts: {entry!r} is not host:port, such as localhost:8080.")
    return host.lower(), number
