"""The processes that serve HTTP: `python -m … HOST PORT PROCESSES` is the first of them."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import socket
import sys
from typing import Any

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.cli.following import PARENT, follow_parent


def serve_http(host: str, port: int, processes: int) -> None:
    """Serve until SIGTERM or SIGINT; the processes read their settings from the environment."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    if multiprocessing.get_start_method() == "fork":  # as on Linux before Python 3.14
        load()
    Granian(
        "telecom_crm.entrypoints.cli.http_process:create",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=processes,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
        log_level=LogLevels.warning,
    ).serve()


def load() -> None:
    """
    Load the service once, for all processes that are forked from this one.

    It opens nothing and starts no thread: neither would outlive a fork in good order.
    """
    from telecom_crm.adapters.postgres import about, joined, revision, series, till, unit_of_work
    from telecom_crm.entrypoints import container, doors, settings
    from telecom_crm.entrypoints.http.app import routes

    # What a child would import in its turn.
    _ = about, joined, revision, series, till, unit_of_work, container, doors, settings
    routes()
    # Its memory is shared with the children for as long as nobody looks through it for garbage.
    gc.collect()
    gc.freeze()


def refuse_taken(host: str, port: int) -> None:
    """Raise `InvalidValue` where the address is in use: servers here would share it unasked."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"{host}:{port} cannot be used ({error.strerror}); choose another with --port"
            raise InvalidValue.of("port", "port_taken", message, port) from error


def create() -> Any:
    """Return the HTTP application, in a process that ends with the one that serves."""
    # This process was forked and has its parent's handlers, which would not end it while it loads.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ[PARENT] = str(os.getppid())
    follow_parent()
    from telecom_crm.entrypoints.http.app import create as create_application

    return create_application()


if __name__ == "__main__":
    follow_parent()
    serve_http(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
