"""Who is at the other end of the connection: the client's address behind trusted proxies."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from mcpassport.audit.edge import network_of
from mcpassport.edge.asgi import Scope

Network: TypeAlias = IPv4Network | IPv6Network


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Trusted proxies as networks; the settings have checked the texts."""
    return tuple(ip_network(text) for text in texts)


def client_network(scope: Scope, headers: Mapping[str, str], trusted: Sequence[Network]) -> str:
    """The client's /24 or /48.

    `X-Forwarded-For` counts only when the peer is a trusted proxy, and then from the right: the
    first address that is not a proxy of ours. Everything left of it is the client's own claim.
    """
    peer = scope.get("client")
    address = str(peer[0]) if peer else ""
    if trusted and _within(address, trusted):
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")):
            if hop.strip():
                address = hop.strip()
            if not _within(address, trusted):
                break
    return network_of(address)


def peer_within(scope: Scope, trusted: Sequence[Network]) -> bool:
    """Whether the peer itself, not what it says of others, is in one of these networks."""
    peer = scope.get("client")
    return peer is not None and _within(str(peer[0]), trusted)


def _within(address: str, trusted: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)
