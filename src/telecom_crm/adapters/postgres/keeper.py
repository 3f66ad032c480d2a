"""
What the locks of a server's directory say, and the keeper, who stops a server that nobody uses.

The keeper is a process of its own, since whoever uses a server may be killed: `python keeper.py
DIRECTORY LOCK` sleeps until the last user is gone, however it went, and then stops the server.
Run as a plain script it imports nothing but the standard library, so it costs next to nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

STOP_SECONDS = 60.0
SOCKETS = "telecom-crm-"
"""How the name of a directory for sockets begins that is not in the server's own."""


class Running(NamedTuple):
    """A server, as its pid file tells of it."""

    pid: int
    socket: Path
    ready: bool


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep everybody else from starting or stopping the directory's server meanwhile."""
    with (directory / "start.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def no_server(directory: Path) -> Iterator[int | None]:
    """Yield the lock that a new server is to inherit, or None where a server's process lives."""
    with (directory / "server.lock").open("ab") as lock:
        yield lock.fileno() if _taken(lock.fileno()) else None


@contextlib.contextmanager
def in_use(directory: Path) -> Iterator[None]:
    """Be one of the server's users meanwhile; whoever begins or ends that is `alone` there."""
    with ExitStack() as locks:
        for name in ("clients", "users"):
            lock = locks.enter_context((directory / f"{name}.lock").open("ab"))
            fcntl.flock(lock, fcntl.LOCK_SH)
            locks.callback(fcntl.flock, lock, fcntl.LOCK_UN)  # a forked child has the file, too
        yield


def running(directory: Path) -> Running | None:
    """Return the server that serves this very directory; a pid file's word alone is not enough."""
    found = _told(directory)
    if found is None:
        return None
    with no_server(directory) as free:
        return found if free is None and _lives_in(found.pid, directory / "data") else None


def stop_unused(directory: Path) -> bool:
    """
    Stop the server if nobody uses it, and tell whether that is so; whoever does is `alone` there.

    Raise `TimeoutError` where it does not stop.
    """
    with (directory / "clients.lock").open("ab") as clients:
        if not _taken(clients.fileno()):
            return False
        _shut_down(directory)
        return True


def hire(directory: Path) -> None:
    """Start a keeper for the directory where it has none; whoever does is `alone` there."""
    if "py" not in Path(sys.executable or "").name:
        return  # inside another program: a server left behind is joined by the next start
    with (
        (directory / "keeper.lock").open("ab") as lock,
        (directory / "server.log").open("ab") as log,
    ):
        if not _taken(lock.fileno()):
            return
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(directory), str(lock.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=[lock.fileno()],  # it has the lock from its first moment to its last
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
        )
    # Reaped when it ends.
    threading.Thread(target=keeper.wait, daemon=True, name="keeper").start()


def keep(directory: Path, lock: int) -> None:
    """Sleep until nobody uses the directory's server, and stop it; `lock` is the keeper's own."""
    while True:
        with (directory / "users.lock").open("ab") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
        with alone(directory):
            if stop_unused(directory):
                os.close(lock)  # before others come in, who would take us for still on duty
                return


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _shut_down(directory: Path) -> None:
    """See the server's last process off: fast, and at once if that takes too long."""
    socket = found.socket if (found := _told(directory)) else None
    for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS / 4)):
        deadline, told = time.monotonic() + seconds, False
        while time.monotonic() < deadline:
            with no_server(directory) as free:
                if free is not None:
                    _forget(directory, socket)
                    return
            if not told and (server := running(directory)):  # one just started has no pid file yet
                socket, told = server.socket, True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server.pid, how)
            time.sleep(0.01)
    raise TimeoutError("does not stop")


def _told(directory: Path) -> Running | None:
    try:
        lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
        return Running(int(lines[0]), Path(lines[4]), lines[7].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None  # there is none, or the file is only being written


def _lives_in(pid: int, data: Path) -> bool:
    """Whether PostgreSQL, which makes `data` its working directory, still has the pid."""
    if not Path("/proc/self/cwd").exists():
        return True  # not Linux: the lock that the server inherited has to be enough
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data
    except OSError:  # gone, a zombie, or somebody else's
        return False


def _forget(directory: Path, socket: Path | None) -> None:
    """Remove a directory for sockets that was made elsewhere."""
    if socket and socket.parent != directory and socket.name.startswith(SOCKETS):
        shutil.rmtree(socket, ignore_errors=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
