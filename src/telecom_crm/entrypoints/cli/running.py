"""`telecom-crm run`: everything on one machine, as one command that is started and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Annotated

import attrs
from cyclopts import Parameter

from telecom_crm.domain.errors import TelecomCrmError
from telecom_crm.entrypoints.called import called_as
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.following import PARENT
from telecom_crm.entrypoints.cli.furnishing import Keys, furnish, token_file
from telecom_crm.entrypoints.cli.http_process import refuse_taken
from telecom_crm.entrypoints.cli.telling import say
from telecom_crm.entrypoints.demo import GATEWAYS, may_be_in, refuse_strangers
from telecom_crm.entrypoints.settings import Settings, as_environment, open_crm, prepare

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LIVES = 5
"""How often a process may die within `LIVES_SECONDS` before everything is stopped."""
LIVES_SECONDS = 60.0


def run(
    *,
    port: int | None = None,
    demo: Annotated[bool | None, Parameter(negative="--no-demo")] = None,
    database: Database = HERE,
) -> int:
    """
    Start everything: PostgreSQL, the HTTP service and a worker.

    Ctrl-C stops all of it. What dies is started again, and a killed run leaves nothing behind.

    Parameters
    ----------
    port
        The port of the service [8000].
    demo
        Begin with a demo catalog, demo subscribers, demo accounts, a demo token and the simulator
        gateway, which only an empty database takes. The embedded one gets them, unless --no-demo is
        said; one of yours only with --demo.
    database
        Where the data is.
    """
    settings = database.settings(port=port)
    settings = attrs.evolve(settings, data=settings.data.absolute())
    refuse_taken(settings.host, settings.port)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop, starting = threading.Event(), threading.Event()
    _listen(stop, starting)
    with _database(settings, stop) as here:
        return _kept_up(here, demo, stop, starting, own_server=not settings.database_url)


@contextlib.contextmanager
def _database(settings: Settings, stop: threading.Event) -> Iterator[Settings]:
    """Give the settings with the URL of a server that is kept up meanwhile."""
    if settings.database_url:
        yield settings
        return
    say(f"Starting PostgreSQL in {settings.data}")
    from telecom_crm.entrypoints.embedded import start_embedded

    server, url = start_embedded(settings.data)

    def keep_up() -> None:
        while not stop.wait(0.5):
            if server.pid is None:
                say("PostgreSQL stopped; starting it again")
                with contextlib.suppress(TelecomCrmError):  # it is tried again in a moment
                    server.revive()

    with server:
        threading.Thread(target=keep_up, daemon=True).start()
        try:
            yield attrs.evolve(settings, database_url=url)
        finally:
            stop.set()


def _kept_up(
    settings: Settings,
    demo: bool | None,
    stop: threading.Event,
    starting: threading.Event,
    *,
    own_server: bool,
) -> int:
    """Have the service and the worker on a database until told to stop; return the exit code."""
    shown = None
    prepare(settings.migration_url or settings.database_url, schema=settings.schema)
    wanted = _wants_demo(settings, demo, own_server=own_server)
    gateways = settings.gateways or (GATEWAYS if wanted else ())
    served = attrs.evolve(settings, gateways=gateways)
    with _children(served) as children:
        if wanted:
            shown = furnish(settings)
        if not _wait_until_ready(settings, children, stop):
            return 1
        starting.clear()
        children.append(_worker(served))
        _greet(settings, shown, own_server=own_server)
        return _watch(children, stop)


def _wants_demo(settings: Settings, said: bool | None, *, own_server: bool) -> bool:
    """Tell whether there is to be a demo; raise `RuleViolated` where what was said cannot be."""
    if said is None and own_server and token_file(settings).exists():
        return True  # it was there the last time; so the service need not wait until we have looked
    with open_crm(settings) as crm:  # also where there is none: what is wrong shows here, in words
        if said:
            refuse_strangers(crm)
        elif said is None and own_server:
            if may_be_in(crm):
                return True
            say("The database has things of its own in it, so no demo is loaded")
    return bool(said)


# The processes


@attrs.define(eq=False)
class _Child:
    """A process of ours, and when it was started of late."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = attrs.field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    starts: deque[float] = attrs.field(factory=lambda: deque(maxlen=LIVES))

    def start(self) -> None:
        self.starts.append(time.monotonic())
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self.command],
            env={**self.environment, PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to hear; we tell it
        )

    @property
    def died(self) -> int | None:
        """Its exit code, or None while it lives."""
        return self.process.poll() if self.process else None

    @property
    def hopeless(self) -> bool:
        """Whether it died so often that starting it again is no use."""
        full = len(self.starts) == LIVES
        return full and time.monotonic() - self.starts[0] < LIVES_SECONDS

    def ask_to_stop(self) -> None:
        if self.died is None and self.process:
            self.process.terminate()

    def see_off(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def _children(settings: Settings) -> Iterator[list[_Child]]:
    """Start the service, and see off at the end whatever processes there are then."""
    where = [settings.host, str(settings.port), str(settings.processes)]
    module = "telecom_crm.entrypoints.cli.http_process"
    children = [_Child("the service", [module, *where], as_environment(settings))]
    try:
        children[0].start()
        yield children
    finally:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for child in children:
            child.see_off(deadline)


def _worker(settings: Settings) -> _Child:
    """Start the worker: last, since nobody waits for it."""
    module = "telecom_crm.entrypoints.cli"
    child = _Child("the worker", [module, "worker"], as_environment(settings))
    child.start()
    return child


def _watch(children: list[_Child], stop: threading.Event) -> int:
    """Start again what dies, until told to stop; give up on what keeps dying."""
    while not stop.wait(0.2):
        if not _revive(children):
            return 1
    say("Stopping")
    return 0


def _revive(children: list[_Child]) -> bool:
    for child in children:
        code = child.died
        if code is None:
            continue
        if child.hopeless:
            say(f"{child.name} keeps stopping (exit code {code}); everything is stopped")
            return False
        say(f"{child.name} stopped (exit code {code}); starting it again")
        child.start()
    return True


def _wait_until_ready(settings: Settings, children: list[_Child], stop: threading.Event) -> bool:
    url = f"http://{settings.host}:{settings.port}/health/ready"
    deadline = time.monotonic() + READY_SECONDS
    while not stop.wait(0.05):
        if not _revive(children):
            return False
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=2),
        ):
            return True
        if time.monotonic() > deadline:
            say(f"the service does not answer at {url}; everything is stopped")
            return False
    return False


def _greet(settings: Settings, keys: Keys | None, *, own_server: bool) -> None:
    base = f"http://{settings.host}:{settings.port}"
    where = f"--data {settings.data}" if own_server else "--database-url …"
    lines = [
        "",
        f"  telecom-crm is ready at {base}",
        f"  console: {base}/console",
        f"  self-care: {base}/my",
        f"  API documentation: {base}/schema/browse",
    ]
    if keys:
        lines += [
            "",
            *(f"  {line}" for line in keys.told()),
            "",
            "  Try:",
            f"    curl -H 'Authorization: Bearer {keys.token}' '{base}/customers?limit=3'",
            f"    {called_as()} ledger verify {where}",
        ]
    lines += ["", "  Ctrl-C stops it.", ""]
    print("\n".join(lines), flush=True)


def _listen(stop: threading.Event, starting: threading.Event) -> None:
    """Hear of the end: what is only starting is broken off, everything else is told to `stop`."""
    starting.set()

    def hear(_number: int, _frame: object) -> None:
        again = stop.is_set()
        stop.set()
        if starting.is_set() and not again:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hear)
