"""
A lean HTTP client, as a process of its own: `python -m benchmarks.client PORT SECONDS GATEWAY`.

It keeps 64 connections busy with `POST /payments`, each with a key of its own, and prints what it
did as JSON. The token comes on standard input.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import sys
import time
import uuid
from collections.abc import Iterator

from benchmarks.database import account_id

CONNECTIONS = 64

_HEAD = """POST /payments HTTP/1.1\r
Host: 127.0.0.1\r
Authorization: Bearer {token}\r
Content-Type: application/json\r
Idempotency-Key: {key}\r
Content-Length: {length}\r
\r
"""
_BODY = (
    '{{"amount":{{"amount":"150.00","currency":"KGS"}},"method":"cash",'
    '"gateway":"{gateway}","account_id":"{account}"}}'
)


def main() -> None:
    """Send until the time is over, and print what was done."""
    port, seconds, gateway = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    requests = _requests(sys.stdin.readline().strip(), gateway)
    chosen = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chosen.register(connection, selectors.EVENT_READ, bytearray())
    started, cpu = time.perf_counter(), time.process_time()
    sent = {}
    for key in chosen.get_map().values():
        sent[key.fd] = time.perf_counter()
        _send(key, next(requests))
    over, waits = started + seconds, []
    while sent:
        for key, _ in chosen.select():
            if not _answered(key):
                continue
            now = time.perf_counter()
            waits.append(now - sent.pop(key.fd))
            if now < over:
                sent[key.fd] = now
                _send(key, next(requests))
    waits.sort()
    told = {
        "operations": len(waits),
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "median_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[len(waits) * 99 // 100] * 1000,
    }
    print(json.dumps(told))


def _requests(token: str, gateway: str) -> Iterator[bytes]:
    chance = random.Random()
    while True:
        body = _BODY.format(gateway=gateway, account=account_id(chance))
        head = _HEAD.format(token=token, key=uuid.uuid4().hex, length=len(body))
        yield (head + body).encode()


def _send(key: selectors.SelectorKey, request: bytes) -> None:
    key.data.clear()
    key.fileobj.send(request)  # type: ignore[union-attr]  # these are sockets


def _answered(key: selectors.SelectorKey) -> bool:
    """Read what came; tell whether the answer is whole, and raise unless it is 201."""
    key.data.extend(key.fileobj.recv(65536))  # type: ignore[union-attr]  # these are sockets
    head, found, body = bytes(key.data).partition(b"\r\n\r\n")
    if not found:
        return False
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    if len(body) < length:
        return False
    if b" 201 " not in head[:20]:
        raise SystemExit(f"{head.decode()}\n{body.decode()}")
    return True


if __name__ == "__main__":
    main()
