"""The launcher, with real servers that really die."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from telecom_crm.adapters.postgres import keeper
from telecom_crm.adapters.postgres.embedded import (
    BinariesMissing,
    EmbeddedPostgres,
    EmbeddedPostgresFailed,
)

CLIENT = """
import sys
from pathlib import Path
from telecom_crm.adapters.postgres.embedded import EmbeddedPostgres

binaries = Path(sys.argv[2]) if len(sys.argv) > 2 else None
print("up", flush=True)
with EmbeddedPostgres.start(Path(sys.argv[1]), binaries=binaries) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


class Client:
    """Another process that uses the directory, until it is told to leave or is killed."""

    def __init__(self, directory: Path, binaries: Path | None) -> None:
        arguments = [str(directory), *([str(binaries)] if binaries else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "up"

    def server_pid(self) -> int:
        return int(self._line())

    def leave(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


Start = Callable[..., EmbeddedPostgres]


@pytest.fixture
def start(tmp_path: Path, postgres_binaries: Path | None) -> Iterator[Start]:
    """Start servers that are stopped at the end, whatever the test did."""
    started: list[EmbeddedPostgres] = []

    def start(directory: Path = tmp_path, **settings: str) -> EmbeddedPostgres:
        started.append(
            EmbeddedPostgres.start(directory, binaries=postgres_binaries, settings=settings)
        )
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def client(tmp_path: Path, postgres_binaries: Path | None) -> Iterator[Callable[[], Client]]:
    clients: list[Client] = []

    def client() -> Client:
        clients.append(Client(tmp_path, postgres_binaries))
        return clients[-1]

    yield client
    for each in clients:
        if each.process.poll() is None:
            each.kill()
    EmbeddedPostgres.start(tmp_path, binaries=postgres_binaries).stop()


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row and row[0]


def remember(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE remembered AS SELECT 42 AS answer")


def kill(pid: int | None) -> None:
    """Kill the process and see it dead."""
    assert pid
    os.kill(pid, signal.SIGKILL)
    gone(pid)


def gone(pid: int) -> None:
    """Wait until the process has ended, for a minute at most."""
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        ended, _, _ = select.select([watched], [], [], 60)
        os.close(watched)
        assert ended, f"process {pid} lives on"


def keeper_of(directory: Path) -> int:
    """Return the process that keeps the directory."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (place / "cmdline").read_bytes().decode().split("\0")
            if words[3:5] == [keeper.__file__, str(directory.resolve())]:
                return int(place.name)
    raise AssertionError("nobody keeps it")


def test_a_new_server_keeps_what_it_is_told(start: Start) -> None:
    first = start()
    assert ask(first.url, "SHOW fsync") == "on"
    assert ask(first.url, "SHOW synchronous_commit") == "on"
    assert ask(first.url, "SHOW data_checksums") == "on"
    assert ask(first.url, "SHOW server_encoding") == "UTF8"
    assert ask(first.url, "SHOW timezone") == "UTC"
    assert ask(first.url, "SELECT upper('бишкек')") == "БИШКЕК"
    remember(first.url)
    first.stop()
    assert first.pid is None
    assert ask(start().url, "SELECT answer FROM remembered") == 42


def test_settings_go_over_the_defaults(start: Start) -> None:
    assert ask(start(max_connections="7").url, "SHOW max_connections") == "7"


def test_stopping_twice_is_as_good_as_once(start: Start) -> None:
    server = start()
    server.stop()
    server.stop()
    assert server.pid is None


def test_databases_are_made_copied_and_dropped(start: Start) -> None:
    server = start()
    remember(server.create_database("first"))
    copy = server.create_database('a "copy"', template="first")
    assert ask(copy, "SELECT answer FROM remembered") == 42
    server.drop_database('a "copy"')
    server.drop_database('a "copy"')
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        ask(copy, "SELECT 1")


def test_the_last_one_out_stops_the_server(start: Start, client: Callable[[], Client]) -> None:
    other = client()
    pid = other.server_pid()
    server = start()
    assert server.pid == pid
    other.leave()
    assert server.pid == pid
    assert ask(server.url, "SELECT 1") == 1
    server.stop()
    assert server.pid is None


def test_two_starters_at_once_share_one_server(client: Callable[[], Client]) -> None:
    both = [client(), client()]
    assert both[0].server_pid() == both[1].server_pid()


def test_a_server_whose_users_were_all_killed_ends_with_the_last(
    start: Start, client: Callable[[], Client]
) -> None:
    first, last = client(), client()
    pid = first.server_pid()
    first.kill()
    assert last.server_pid() == pid
    last.kill()
    gone(pid)
    assert ask(start().url, "SELECT 1") == 1


def test_a_server_whose_keeper_was_killed_as_well_is_joined_and_kept_anew(
    start: Start, client: Callable[[], Client], tmp_path: Path
) -> None:
    owner = client()
    pid = owner.server_pid()
    kill(keeper_of(tmp_path))
    owner.kill()
    server = start()
    assert server.pid == pid
    new = keeper_of(tmp_path)
    server.stop()
    for ended in (pid, new):
        gone(ended)


def test_a_killed_server_recovers_at_the_next_start(start: Start) -> None:
    first = start()
    remember(first.url)
    pid = first.pid
    kill(pid)
    second = start()
    assert second.pid not in (None, pid)
    assert ask(second.url, "SELECT answer FROM remembered") == 42


def test_a_killed_server_is_revived_under_the_same_url(start: Start) -> None:
    server = start()
    assert not server.revive()
    url = server.url
    kill(server.pid)
    assert server.revive()
    assert server.url == url
    assert ask(url, "SELECT 1") == 1


def test_owner_and_server_killed_together_recover(
    start: Start, client: Callable[[], Client]
) -> None:
    owner = client()
    pid = owner.server_pid()
    owner.kill()
    kill(pid)
    assert ask(start().url, "SELECT 1") == 1


def test_a_pid_file_that_names_somebody_else_is_seen_through(start: Start, tmp_path: Path) -> None:
    server = start()
    lines = (tmp_path / "data" / "postmaster.pid").read_text().splitlines()
    kill(server.pid)
    server.stop()
    stale = "\n".join([str(os.getpid()), *lines[1:]])
    (tmp_path / "data" / "postmaster.pid").write_text(stale)
    assert server.pid is None
    assert ask(start().url, "SELECT 1") == 1


def test_a_half_made_cluster_is_thrown_away(start: Start, tmp_path: Path) -> None:
    half = tmp_path / "data.new-half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert ask(start().url, "SELECT 1") == 1
    assert not half.exists()


def test_a_starter_killed_at_any_moment_leaves_nothing_in_the_way(
    start: Start, client: Callable[[], Client]
) -> None:
    client().kill()
    assert ask(start().url, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["x" * 120, "a, b", 'it\'s "quoted" ünï'])
def test_any_directory_will_do(start: Start, tmp_path: Path, name: str) -> None:
    assert ask(start(tmp_path / name).url, "SELECT 1") == 1


def test_nobody_else_gets_in(start: Start, tmp_path: Path) -> None:
    server = start()
    assert ask(server.url, "SHOW listen_addresses") == ""
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "owner-password").stat().st_mode & 0o777 == 0o600
    secret = server.url.split("@", maxsplit=1)[0].rpartition(":")[2]
    assert secret not in repr(server)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        ask(server.url.replace(secret, "guessed"), "SELECT 1")


def test_the_server_does_not_hear_our_terminal(start: Start) -> None:
    pid = start().pid
    assert pid
    assert os.getsid(pid) == pid


def test_a_forked_child_does_not_stop_its_parents_server(start: Start) -> None:
    server = start()
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert ask(server.url, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why(start: Start) -> None:
    with pytest.raises(EmbeddedPostgresFailed, match="no_such_setting"):
        start(no_such_setting="1")
    assert ask(start().url, "SELECT 1") == 1


def test_a_version_without_binaries_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(BinariesMissing, match="made by PostgreSQL 9"):
        start()


def test_the_directory_remembers_its_version(
    start: Start, tmp_path: Path, postgres_binaries: Path | None
) -> None:
    first = start()
    first.stop()
    with EmbeddedPostgres.start(tmp_path) as again:
        assert again.binaries == first.binaries


def test_a_template_gives_fresh_databases(fresh_database: Callable[[], str]) -> None:
    one, two = fresh_database(), fresh_database()
    remember(one)
    assert ask(two, "SELECT to_regclass('remembered')") is None
