"""
The command line, as processes: what it prints, where, and what its exit codes mean.

What starts and stays is started as a person starts it; what is asked and answers is forked.
"""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest

import telecom_crm
from telecom_crm import Query
from telecom_crm.adapters.postgres.emptying import empty_demo
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.entrypoints.cli.main import COMMANDS, GROUPS
from telecom_crm.entrypoints.demo import ACCOUNTS, files, load_subscribers, subscriber
from tests.integration.forked import Ended, command_line

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("TELECOM_CRM_")}
KINDS = {"http_process", "worker", "postgres"}
AWAY = "postgresql://nobody@127.0.0.1:1/nothing"
PEOPLE = 48
"""How many customers the demo has."""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "telecom_crm.entrypoints.cli", *words]


def called(
    words: tuple[str, ...], where: Path, environment: dict[str, str], *, said: str = ""
) -> Ended:
    ended = command_line(words, where=where, environment=CLEAN | environment, said=said)
    assert "Traceback" not in ended.err, ended.err
    return ended


@pytest.fixture
def url(ready_database: str) -> str:
    return ready_database


@pytest.fixture
def cli(url: str, tmp_path: Path) -> Callable[..., Ended]:
    environment = {"TELECOM_CRM_DATABASE_URL": url}
    return lambda *words, **more: called(words, tmp_path, environment, **more)


def test_help_is_light_and_tells_what_the_exit_codes_mean() -> None:
    code = (
        "import sys; from telecom_crm.entrypoints.cli.main import run_command;"
        "run_command(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Exit codes" in told.stdout
    for name in ("run", "import", "catalog", "ledger", "token", "demo"):
        assert re.search(rf"\b{name}\b", told.stdout)
    loaded = {name.split(".")[0] for name in told.stderr.split()}
    assert not loaded & {"sqlalchemy", "psycopg", "litestar", "granian", "procrastinate"}


def test_a_command_says_the_same_of_itself_as_the_list_of_commands() -> None:
    listed = {**COMMANDS, **{k: v for _, group in GROUPS.values() for k, v in group.items()}}
    for place, told in listed.values():
        module, name = place.split(":")
        own = getattr(import_module(f"telecom_crm.entrypoints.cli.{module}"), name)
        assert own.__doc__.strip().splitlines()[0] == told


def test_the_core_install_names_what_the_commands_need() -> None:
    code = (
        "import sys; sys.modules['cyclopts'] = None;"
        "from telecom_crm.entrypoints.cli.main import main; main(['run'])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "pip install 'telecom-crm[app]'" in told.stderr
    assert len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("ledger", "verify"),
        ("audit", "verify"),
        ("audit", "seals"),
        ("token", "create", "me"),
        ("user", "create", "me"),
        ("catalog", "apply", "--demo"),
        ("export", "customers", "all.csv"),
    ],
    ids=" ".join,
)
def test_where_no_data_is_nothing_is_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = called(words, tmp_path, {})
    assert (outcome.code, outcome.out) == (3, "")
    assert f"{tmp_path / '.telecom-crm'}: there is none yet" in outcome.err
    assert "--database-url" in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("catalog", "apply", "--nonsense"),
        ("catalog", "apply"),
        ("catalog", "apply", "there-is-no-such-file.toml"),
        ("token", "create", "me", "--scope", "empire:conquer"),
        ("run", "--port", "70000"),
        ("ledger", "verify", "--schema", "Robert'); DROP TABLE"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_2_and_short(tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = called(words, tmp_path, {"TELECOM_CRM_DATABASE_URL": AWAY})
    assert outcome.code == 2
    assert outcome.err.startswith("telecom-crm: ")
    assert len(outcome.err.splitlines()) <= 3
    assert outcome.out == ""


def test_a_database_that_is_away_is_3(tmp_path: Path) -> None:
    outcome = called(("ledger", "verify", "--database-url", AWAY), tmp_path, {})
    assert (outcome.code, outcome.out) == (3, "")
    assert "database" in outcome.err


def test_a_schema_that_is_not_there_names_the_command(
    fresh_database: Callable[[], str], tmp_path: Path
) -> None:
    url = fresh_database()
    where = ("--database-url", url, "--schema", "acme")
    assert called(("ledger", "verify", *where), tmp_path, {}).code == 3
    assert "telecom-crm migrate" in called(("ledger", "verify", *where), tmp_path, {}).err
    migrated = called(("migrate", *where), tmp_path, {})
    assert (migrated.code, migrated.out) == (0, "schema acme is at 0001\n")
    assert called(("migrate", *where), tmp_path, {}).out == migrated.out
    assert called(("ledger", "verify", *where), tmp_path, {}).code == 0


def test_a_catalog_is_applied_again_without_change(
    cli: Callable[..., Ended], tmp_path: Path
) -> None:
    first = json.loads(cli("catalog", "apply", "--demo", "--json").out)
    assert first["created"] == 10
    again = json.loads(cli("catalog", "apply", "--demo", "--json").out)
    assert (again["created"], again["updated"]) == (0, 0)
    bad = tmp_path / "catalog.toml"
    bad.write_text('currency = "KGS"\n[[tariffs]]\ncode = "X"\nmonthly_fee = "1,5"\n')
    refused = cli("catalog", "apply", str(bad))
    assert refused.code == 2
    assert "monthly_fee" in refused.err
    assert "name" in refused.err


def test_a_token_that_was_created_lets_in(cli: Callable[..., Ended], url: str) -> None:
    made = json.loads(cli("token", "create", "aliya", "--role", "cashier", "--json").out)
    assert (made["name"], made["expires_at"]) == ("aliya", None)
    with telecom_crm.open(url) as crm:
        token = crm.access.authenticate(made["secret"])
        assert token is not None
        assert (token.name, token.role) == ("aliya", "cashier")
    assert cli("token", "create", "aliya").out.startswith("tcrm_")
    nobody = cli("token", "create", "aliya", "--role", "emperor")
    assert nobody.code == 2
    assert "emperor" in nobody.err


def test_a_user_that_was_created_signs_in_and_gets_another_password(
    cli: Callable[..., Ended], url: str
) -> None:
    first, second = "correct horse battery", "another long password"
    made = cli("user", "create", "Aida", "--role", "admin", said=f"{first}\n")
    assert (made.code, made.out) == (0, "aida may sign in as admin\n")
    assert cli("user", "create", "aida", said=f"{first}\n").code == 2
    assert cli("user", "create", "bek", said="short\n").code == 2
    with telecom_crm.open(url) as crm:
        secret = crm.access.sign_in(login="aida", password=first).secret
        reset = cli("user", "reset-password", "aida", said=f"{second}\n")
        assert (reset.code, reset.out) == (0, "aida may sign in with the new password\n")
        assert crm.access.visitor(secret) is None
        assert crm.access.sign_in(login="aida", password=second).session.user_id is not None
        assert [user.login for user in crm.users.each()] == ["aida"]
    nobody = cli("user", "reset-password", "nobody", said=f"{second}\n")
    assert nobody.code == 2
    assert "nobody" in nobody.err


def test_the_books_are_verified(cli: Callable[..., Ended], url: str) -> None:
    cli("catalog", "apply", "--demo")
    with telecom_crm.open(url) as crm:
        load_subscribers(crm, count=3)
    right = cli("ledger", "verify", "--json")
    assert (right.code, json.loads(right.out)["differences"]) == (0, [])
    told = cli("ledger", "verify").out
    assert "the books are right" in told
    assert re.search(r"^3000 opening balances +411\.00 KGS +0\.00 KGS$", told, re.MULTILINE), told
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE telecom_crm.accounts SET subscriber = subscriber + 1")
    wrong = cli("ledger", "verify", "--json")
    assert (wrong.code, len(json.loads(wrong.out)["differences"])) == (1, 3)


def test_the_audit_trail_is_verified(cli: Callable[..., Ended], url: str, tmp_path: Path) -> None:
    with telecom_crm.open(url) as crm:
        for name in ("one", "two"):
            crm.access.create_token(name=name, role="cashier")
            crm.audit.seal()
    assert cli("audit", "seals", "kept.jsonl").code == 0
    kept = (tmp_path / "kept.jsonl").read_text("utf-8")
    assert [json.loads(line)["number"] for line in kept.splitlines()] == [1, 2]
    assert cli("audit", "seals", "--after", "1").out == kept.splitlines(keepends=True)[1]
    right = cli("audit", "verify", "--seals", "kept.jsonl")
    assert (right.code, right.out[:16]) == (0, "right: 2 seals, ")
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM telecom_crm.seals WHERE number = 2")
    assert cli("audit", "verify").code == 0
    wrong = cli("audit", "verify", "--seals", "kept.jsonl")
    assert (wrong.code, wrong.out.splitlines()[-1][:15]) == (1, "broken: seals 2")
    assert "seal 2: the seal is gone" in wrong.out
    told = json.loads(cli("audit", "verify", "--seals", "kept.jsonl", "--json").out)
    assert [(one["kind"], one["number"]) for one in told["breaches"]] == [("missing", 2)]
    (tmp_path / "kept.jsonl").write_text("{}")
    bad = cli("audit", "verify", "--seals", "kept.jsonl")
    assert bad.code == 2
    assert "line 1" in bad.err


def test_customers_are_exported_safe_for_spreadsheets(
    cli: Callable[..., Ended], url: str, tmp_path: Path
) -> None:
    with telecom_crm.open(url) as crm:
        crm.customers.register(name="=HYPERLINK(1)", phone="+996700123456")
    assert cli("export", "customers", "customers.csv").code == 0
    written = (tmp_path / "customers.csv").read_text("utf-8")
    assert "'=HYPERLINK(1)" in written
    assert "996700123456" in written
    assert cli("export", "customers", "-").out.splitlines() == written.splitlines()
    told = json.loads(cli("export", "customers", "customers.csv", "--json").out)
    size = (tmp_path / "customers.csv").stat().st_size
    assert told == {"file": "customers.csv", "format": "csv", "bytes": size}
    refused = cli("export", "customers", "customers.pdf")
    assert (refused.code, ".csv, .xlsx, .parquet" in refused.err) == (2, True)
    refused = cli("export", "customers", "no/such/folder.csv")
    assert (refused.code, "no/such/folder.csv cannot be written" in refused.err) == (2, True)


def test_figures_are_summed_up_anew(cli: Callable[..., Ended]) -> None:
    told = cli("catalog", "apply", "--demo", "--json")
    assert told.code == 0
    first, again = cli("reports", "rebuild"), cli("reports", "rebuild")
    assert (first.code, again.code) == (0, 0)
    assert re.fullmatch(r"[1-9]\d* events summed up\n", first.out)
    assert again.out == first.out


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    """Files of three people, the last of them with a wrong card."""
    made = {}
    for kind, content in files([subscriber(index) for index in range(3)]).items():
        right, wrong = subscriber(2).iccid.digits.encode(), b"8999650000000000000"
        made[kind] = tmp_path / f"{kind}.csv"
        made[kind].write_bytes(content.replace(right, wrong) if kind == "subscribers" else content)
    return made


def test_files_are_imported_and_what_is_wrong_is_told(
    cli: Callable[..., Ended], tables: dict[str, Path], tmp_path: Path
) -> None:
    cli("catalog", "apply", "--demo")
    for kind in ("sims", "numbers"):
        assert cli("import", kind, str(tables[kind])).code == 0
    people = ("import", "subscribers", str(tables["subscribers"]))
    assert cli(*people, "--dry-run").out.startswith("dry run, nothing was changed; ")
    tried = cli(*people, "--dry-run", "--json")
    assert (tried.code, json.loads(tried.out)["created"]) == (1, 2)
    done = cli(
        *people,
        *("--activate", "--policy", "migration", "--wait", "--errors", "errors.csv", "--json"),
    )
    told = json.loads(done.out)
    assert (done.code, told["created"], told["failed"], told["blocked"]) == (1, 2, 1, 0)
    assert [(error["line"], error["column"]) for error in told["errors"]] == [(4, "iccid")]
    assert (tmp_path / "errors.csv").read_text("utf-8").splitlines()[1].count("iccid_luhn") == 1
    again = cli(*people)
    assert again.code == 1
    assert "2 unchanged" in again.out
    assert "line 4, iccid" in again.err


@pytest.mark.parametrize("errors", ["no/such/folder.csv", ".", "sims.csv"])
def test_where_errors_cannot_be_written_nothing_is_imported(
    cli: Callable[..., Ended], tables: dict[str, Path], url: str, errors: str
) -> None:
    before = tables["sims"].read_bytes()
    refused = cli("import", "sims", "sims.csv", "--errors", errors)
    assert refused.code == 2
    assert refused.err.startswith("telecom-crm: errors: ")
    with telecom_crm.open(url) as crm:
        assert crm.imports.page(Query()).items == ()
    assert tables["sims"].read_bytes() == before


def test_a_file_that_is_no_table_is_bad_input(cli: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("what,is,this\n1,2,3\n")
    outcome = cli("import", "subscribers", "wrong.csv", "--json")
    assert outcome.code == 2
    assert json.loads(outcome.out)["status"] == "structure_error"
    assert cli("import", "subscribers", "no-such.csv").code == 2


def test_the_page_for_while_the_service_is_away_needs_nothing_else(tmp_path: Path) -> None:
    told = called(("maintenance-page", "--operator", "Ala <Too>", "--hue", "150"), tmp_path, {})
    assert told.code == 0, told.err
    for said in ("Ala &lt;Too&gt;", "oklch(49% .21 150)", 'lang="ru"', "Жакында кайтабыз"):
        assert said in told.out, said
    assert told.out.count('href=""') == told.out.count("href") == 3
    assert not any(
        word in told.out for word in ("<script", "<link", "<img", "@import", "url(", "http")
    )
    assert list(tmp_path.iterdir()) == []
    assert called(("maintenance-page", "--hue", "400"), tmp_path, {}).code == 2


def test_the_demo_tells_the_whole_story(tmp_path: Path, cli: Callable[..., Ended]) -> None:
    for told in (called(("demo",), tmp_path, {}), cli("demo", "--data", str(tmp_path / "data"))):
        assert told.code == 0, told.err
        assert "5 created, 1 failed" in told.out
        assert "The contract is active" in told.out
        assert "0 differences" in told.out
        assert "\x1b[" not in told.out


def test_a_demo_is_made_and_made_anew_and_nothing_else_is(
    tmp_path: Path, url: str, cli: Callable[..., Ended]
) -> None:
    refused = cli("demo", "reset", "--yes")
    assert (refused.code, refused.out) == (2, "")
    assert "demo seed" in refused.err
    few = cli("demo", "seed", "--customers", "3")
    assert (few.code, "from 24 to 900" in few.err) == (2, True)
    made = cli("demo", "seed", "--customers", "24", "--seed", "7")
    assert made.code == 0, made.err
    assert "demo accounts: admin" in made.out
    with telecom_crm.open(url) as crm:
        people = {one.name for one in crm.customers.each()}
        number = next(crm.contracts.each()).number
    assert cli("demo", "seed").out == made.out
    other = cli("demo", "seed", "--seed", "8")
    assert (other.code, "demo reset" in other.err) == (2, True)
    assert cli("demo", "reset", said="no\n").code == 1
    files = {one for one in (tmp_path / ".telecom-crm" / "files").rglob("*") if one.is_file()}
    assert files
    again = cli("demo", "reset", said="yes\n")
    assert again.code == 0, again.err
    assert not any(one.exists() for one in files)
    with telecom_crm.open(url) as crm:
        assert {one.name for one in crm.customers.each()} == people
        assert crm.verify_ledger() == ()
        assert next(crm.contracts.each()).number != number, "a service that runs has taken some"
        crm.reports.keep()
        assert crm.audit.seal() >= 0


def test_what_is_somebodys_own_is_not_emptied(url: str, cli: Callable[..., Ended]) -> None:
    with telecom_crm.open(url) as crm:
        crm.customers.register(name="Aida")
        with pytest.raises(RuleViolated, match="somebody's own"):
            empty_demo(url, schema="telecom_crm")
        refused = cli("demo", "reset", "--yes")
        assert (refused.code, refused.out) == (2, "")
        assert [one.name for one in crm.customers.each()] == ["Aida"]


# The whole thing


class Service:
    """`telecom-crm run` on a directory, and everything it started."""

    def __init__(self, data: Path, port: int, *words: str) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            command("run", *words),
            env=CLEAN | {"TELECOM_CRM_DATA": str(data), "TELECOM_CRM_PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.token = self.password = ""

    def ready(self) -> "Service":
        self.hear("Ctrl-C stops it")
        return self

    def hear(self, words: str) -> None:
        alarm = threading.Timer(120, self.process.kill)
        alarm.start()
        heard = ""
        assert self.process.stdout
        try:
            for line in self.process.stdout:
                heard += line
                if found := re.search(r"tcrm_[\w-]+", line):
                    self.token = found[0]
                if found := re.search(r"demo password.*: ([\w-]+)", line):
                    self.password = found[1]
                if words in line:
                    return
        finally:
            alarm.cancel()
        raise AssertionError(f"the service ended without saying {words!r}:\n{heard}")

    def get(self, path: str) -> Any:
        request = urllib.request.Request(
            self.base + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def signed_in(self, login: str) -> Any:
        request = urllib.request.Request(
            self.base + "/sessions",
            data=json.dumps({"login": login, "password": self.password}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def pay(self, **body: Any) -> Any:
        contract = self.get("/contracts?limit=1")["items"][0]["id"]
        amount = {"amount": "100.00", "currency": "KGS"}
        sent = {"contract_id": contract, "amount": amount, "method": "card"} | body
        request = urllib.request.Request(
            self.base + "/payments",
            data=json.dumps(sent).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "Idempotency-Key": "pay-1",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def children(self) -> dict[str, int]:
        """The processes it started, by what they are."""
        found: dict[str, int] = {}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                line = (place / "cmdline").read_bytes().decode().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            if parent == self.process.pid:
                words = [Path(word).name for word in line]
                kinds = {"telecom_crm.entrypoints.cli.http_process": "http_process"}
                names = [kinds.get(word, word) for word in words]
                for kind in KINDS & set(names):  # none in one that just begins, or has ended
                    found[kind] = int(place.name)
        return found

    def child(self, kind: str, *, other_than: int | None = None) -> int:
        """Return the process of this kind, once it is there; a minute is enough."""
        deadline = time.monotonic() + 60
        while (pid := self.children().get(kind)) in (None, other_than):
            assert time.monotonic() < deadline, f"no {kind}"
        assert pid is not None
        return pid

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode


def gone(pid: int) -> None:
    """Wait until a process has ended, for a minute at most."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, _, _ = select.select([watched], [], [], 60)
    os.close(watched)
    assert ended, f"process {pid} lives on"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def other_port(port: int) -> int:
    return free_port()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path, port: int) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def run(*words: str) -> Service:
        started.append(Service(tmp_path / "data", port, *words))
        return started[-1]

    yield run
    for service in started:
        if service.process.poll() is None:
            service.stop()
        if service.process.stdout:
            service.process.stdout.close()


def test_run_serves_a_demo_and_stops_whole(run: Callable[..., Service], tmp_path: Path) -> None:
    service = run().ready()
    assert len(service.get("/customers?limit=100")["items"]) == PEOPLE
    assert service.pay(gateway="simulator")["status"] == "confirmed"
    children = {kind: service.child(kind) for kind in KINDS}
    beside = called(("ledger", "verify", "--data", str(tmp_path / "data")), tmp_path, {})
    assert beside.code == 0
    token, password = service.token, service.password
    for login, _, _ in ACCOUNTS:
        assert service.signed_in(login)["session"]["stage"] == "whole"
    for kept in ("demo-token", "demo-password"):
        assert (tmp_path / "data" / kept).stat().st_mode & 0o777 == 0o600
    assert service.stop() == 0
    for pid in children.values():
        gone(pid)
    again = run().ready()
    assert (again.token, again.password) == (token, password)
    assert len(again.get("/customers?limit=100")["items"]) == PEOPLE


def test_run_without_a_demo_has_nobody_in_it(run: Callable[..., Service]) -> None:
    service = run("--no-demo").ready()
    assert service.token == ""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        service.get("/customers")


def test_a_database_of_ones_own_gets_a_demo_only_where_it_is_asked_for_and_empty(
    run: Callable[..., Service], url: str, cli: Callable[..., Ended]
) -> None:
    service = run("--database-url", url).ready()
    assert service.token == ""
    assert service.stop() == 0
    with telecom_crm.open(url) as crm:
        assert list(crm.customers.each()) == []
    service = run("--database-url", url, "--demo").ready()
    assert len(service.get("/customers?limit=100")["items"]) == PEOPLE
    assert service.stop() == 0


@pytest.mark.parametrize("words", [("run", "--demo"), ("demo",)], ids=" ".join)
def test_no_demo_comes_among_somebodys_own_things(
    tmp_path: Path, url: str, port: int, words: tuple[str, ...]
) -> None:
    with telecom_crm.open(url) as crm:
        crm.customers.register(name="Aida")
        refused = called((*words, "--database-url", url), tmp_path, {"TELECOM_CRM_PORT": str(port)})
        assert (refused.code, refused.out) == (2, "")
        assert "things of its own" in refused.err
        assert [one.name for one in crm.customers.each()] == ["Aida"]


def test_an_embedded_database_with_things_of_its_own_is_served_without_a_demo(
    run: Callable[..., Service], tmp_path: Path
) -> None:
    with telecom_crm.open_embedded(tmp_path / "data") as crm:
        crm.customers.register(name="Aida")
    service = run()
    service.hear("things of its own")
    service.ready()
    assert service.token == ""


def test_a_start_that_is_broken_off_ends_at_once_and_the_next_one_goes_on(
    run: Callable[..., Service],
) -> None:
    for reached in ("Starting PostgreSQL", "Loading the demo"):
        service = run()
        service.hear(reached)
        children = service.children()
        begun = time.monotonic()
        assert service.stop() == 130
        assert time.monotonic() - begun < 10  # the processes that serve have 15 s to finish
        for pid in children.values():
            gone(pid)
    assert len(run().ready().get("/customers?limit=100")["items"]) == PEOPLE


def test_two_first_starts_at_once_share_what_one_of_them_makes(
    run: Callable[..., Service], port: int, other_port: int
) -> None:
    both = [run("--port", str(number)) for number in (port, other_port)]
    for service, number in zip(both, (port, other_port), strict=True):
        service.base = f"http://127.0.0.1:{number}"
        service.ready()
    assert both[0].token == both[1].token
    for service in both:
        assert service.signed_in("admin")["session"]["stage"] == "whole"
    for service in both:
        assert len(service.get("/customers?limit=100")["items"]) == PEOPLE


def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        outcome = called(("run", "--port", str(port)), tmp_path, {})
    assert outcome.code == 2
    assert "--port" in outcome.err
    assert not (tmp_path / ".telecom-crm").exists()


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["http_process", "worker", "postgres"])
def test_whatever_is_killed_comes_back(run: Callable[..., Service], victim: str) -> None:
    service = run("--no-demo").ready()
    pid = service.child(victim)
    os.kill(pid, signal.SIGKILL)
    service.hear("starting it again")
    gone(pid)
    if victim != "postgres":
        assert service.child(victim, other_than=pid)
    assert service.stop() == 0


@pytest.mark.faults
@pytest.mark.parametrize("too", [[], ["postgres"], ["http_process", "worker"]], ids=str)
def test_nothing_outlives_a_run_that_was_killed_and_the_next_one_recovers(
    run: Callable[..., Service], too: list[str]
) -> None:
    service = run().ready()
    children = {kind: service.child(kind) for kind in KINDS}
    service.process.kill()
    for kind in too:
        os.kill(children[kind], signal.SIGKILL)
    for pid in children.values():
        gone(pid)
    service.process.communicate()
    again = run().ready()
    assert again.token == service.token
    assert len(again.get("/customers?limit=100")["items"]) == PEOPLE
