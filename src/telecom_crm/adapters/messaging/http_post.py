"""Deliveries to webhooks: one POST each, to public addresses alone."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

import attrs

from telecom_crm.application.ports import Undelivered
from telecom_crm.domain.errors import InvalidValue

TIMEOUT_SECONDS = 10.0
"""How long a delivery may take, all in all."""


@attrs.frozen
class HttpPoster:
    """
    Posts to a URL and wants a 2xx answer; follows no redirects and reads no answer's body.

    The name in a URL is looked up once, and the connection goes to the address that was judged: a
    name must not be public for the check and private for the request. `to_private` lets it go to
    private addresses too, as tests and networks of one's own need.
    """

    to_private: bool = False
    timeout_seconds: float = TIMEOUT_SECONDS

    def check(self, url: str) -> None:
        """Raise `InvalidValue` for a URL that names a private address; names are judged later."""
        host = urlsplit(url).hostname or ""
        try:
            public = _is_public(ip_address(host))
        except ValueError:
            public = host != "localhost" and not host.endswith(".localhost")
        if not (public or self.to_private):
            message = "a public address: the setting webhooks_to_private allows others"
            raise InvalidValue.of("url", "private_address", message)

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> None:
        """Deliver, or raise `Undelivered` with the reason in words that name no content."""
        parts = urlsplit(url)
        try:
            status = self._post(parts, body, headers)
        except TimeoutError:
            raise Undelivered(f"no answer within {self.timeout_seconds:g} s") from None
        except ssl.SSLError as error:
            raise Undelivered(f"TLS failed: {error.reason or 'no reason'}") from None
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"could not be reached: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise Undelivered(f"answered {status}")

    def _post(self, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> int:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection(
            self._address(host, port), timeout=self.timeout_seconds
        ) as plain:
            # Each read has the time-out anew; this ends a server that sends a byte now and then.
            # TLS takes the socket over, and a copy stays one to hang up with.
            spare = plain.dup()
            over = threading.Event()
            late = threading.Timer(self.timeout_seconds, _hang_up, [spare, over])
            late.daemon = True
            late.start()
            try:
                status = _exchange(plain, parts, host, port, body, headers)
            except (OSError, http.client.HTTPException):
                if not over.is_set():
                    raise
                raise TimeoutError from None
            finally:
                late.cancel()
                late.join()
                spare.close()
            if over.is_set():
                raise TimeoutError  # half an answer reads like a whole one
            return status

    def _address(self, host: str, port: int) -> tuple[str, int]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for *_, place in found:
            address = str(place[0])
            if self.to_private or _is_public(ip_address(address.partition("%")[0])):
                return address, port
        raise Undelivered("its name leads to a private address")


def _exchange(
    plain: socket.socket,
    parts: SplitResult,
    host: str,
    port: int,
    body: bytes,
    headers: Mapping[str, str],
) -> int:
    connection = http.client.HTTPConnection(host, port)
    connection.sock = plain
    if parts.scheme == "https":
        connection.default_port = 443
        connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    said = {"User-Agent": "telecom-crm", "Connection": "close", **headers}
    try:
        connection.request("POST", target, body=body, headers=said)
        return connection.getresponse().status
    finally:
        connection.close()


def _hang_up(line: socket.socket, over: threading.Event) -> None:
    over.set()
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.sixtofour):
        return _is_public(address.ipv4_mapped or address.sixtofour or address)
    return address.is_global and not address.is_multicast
