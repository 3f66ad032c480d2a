"""What was asked of the proxy in front of the service: by whom, and whether over TLS."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address, ip_address
from typing import Any


def as_asked(scope: Any, proxies: Collection[str]) -> Any:
    """
    Return a request's scope with the client and the scheme that it began with.

    Only what proxies of ours forward is believed: `X-Forwarded-For`, and `X-Forwarded-Proto`, which
    a proxy sets anew. The client's address is as `address_of` tells it.
    """
    peer, port = scope.get("client") or ("", 0)
    scheme = (_told(scope, _SCHEME) or "").strip().lower() if peer in proxies else ""
    return {
        **scope,
        "client": (address_of(peer, _told(scope, _CLIENT), proxies), port),
        "scheme": scheme if scheme in ("http", "https") else scope["scheme"],
    }


def address_of(peer: str, forwarded: str | None, proxies: Collection[str]) -> str:
    """
    Return where a request comes from: the peer, or whom a proxy of ours says it speaks for.

    Of what is forwarded only the last that is not a proxy counts: the rest is the client's word.
    An IPv6 address counts as its network of 64 bits, which one customer has whole; one that stands
    for an IPv4 address (RFC 4291, 2.5.5.2), as a socket for both gives them, counts as that.
    """
    address = peer
    if forwarded and peer in proxies:
        hops = [hop.strip() for hop in forwarded.split(",")]
        address = next((hop for hop in reversed(hops) if hop not in proxies), peer)
    try:
        known = ip_address(address)
    except ValueError:
        return peer
    if isinstance(known, IPv6Address):
        mapped = known.ipv4_mapped
        return str(mapped) if mapped else known.exploded[:19]
    return str(known)


def _told(scope: Any, wanted: bytes) -> str | None:
    """Return what a header says; several lines of it are one list (RFC 9110, 5.3)."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return ", ".join(lines) if lines else None


_CLIENT, _SCHEME = b"x-forwarded-for", b"x-forwarded-proto"
