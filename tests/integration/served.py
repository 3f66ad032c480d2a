"""The HTTP service as processes of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import attrs


@attrs.define
class Served:
    """Two processes that share a port, which can be killed all at once."""

    url: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def over(cls, url: str) -> Iterator["Served"]:
        """Serve a database on a free port, and kill what serves in the end."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            served = cls(url, free.getsockname()[1])
        served.start()
        try:
            yield served
        finally:
            served.kill()

    def start(self) -> None:
        command = [sys.executable, "-m", "telecom_crm.entrypoints.cli", "serve", "--processes", "2"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--database-url", self.url],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
