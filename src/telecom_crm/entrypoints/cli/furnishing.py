"""`telecom-crm demo seed` and `demo reset`, and what `run` makes of an empty database."""

from __future__ import annotations

import contextlib
import fcntl
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from telecom_crm.domain.demo import Demo
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.entrypoints.called import called_as
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import say
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.demo import (
    ACCOUNTS,
    BY,
    CUSTOMERS,
    GATEWAYS,
    load_accounts,
    load_applications,
    new_password,
    subscriber,
)
from telecom_crm.entrypoints.settings import Settings, located, open_crm

YES = "yes"
"""What agrees to a question, the same in every language of the terminal."""


def seed(
    *, customers: int | None = None, seed: int | None = None, database: Database = HERE
) -> int:
    """
    Make a demo in an empty database, with thirteen months behind it.

    Again is no change. The same numbers make the same people on every machine.

    Parameters
    ----------
    customers
        How many there are, 24 to 900 [48].
    seed
        Any whole number from 0 on: others are other people [0].
    database
        Where to make it.
    """
    with located(database.settings()) as here:
        _tell(furnish(here, customers=customers, seed=seed))
    return 0


def reset(
    *,
    customers: int | None = None,
    seed: int | None = None,
    yes: bool = False,
    migration_url: Annotated[str | None, Parameter(show=True)] = None,
    database: Database = HERE,
) -> int:
    """
    Empty a demo and make it anew; what is no demo is refused.

    Everything in it goes, and everybody has to sign in again. A service that runs on it goes on.

    Parameters
    ----------
    customers
        How many there are then, 24 to 900 [as before].
    seed
        Any whole number from 0 on [as before].
    yes
        Do not ask.
    migration_url
        The URL of the schema's owner, where the service's own user may not empty it.
    database
        Where the demo is.
    """
    settings = database.settings(migration_url=migration_url)
    if not settings.database_url:
        from telecom_crm.entrypoints.embedded import require_begun

        require_begun(settings.data)
    with located(settings) as here:
        there = _demo_in(here)
        if not yes and not _agreed():
            return 1
        _tell(
            furnish(
                here,
                customers=(there.customers or None) if customers is None else customers,
                seed=there.seed if seed is None else seed,
                emptied_by=here.migration_url or here.database_url,
            )
        )
    return 0


@attrs.frozen
class Keys:
    """What opens a demo: a token for programs, and the password of all its accounts."""

    token: str
    password: str

    def told(self) -> list[str]:
        """Return them in words, line by line."""
        return [
            f"demo accounts: {', '.join(login for login, _, _ in ACCOUNTS)}",
            f"demo password, of all of them: {self.password}",
            f"demo subscriber: {subscriber(0).msisdn}; the code for self-care is printed where the"
            " service runs",
            f"demo token (admin): {self.token}",
        ]


def furnish(
    settings: Settings,
    *,
    customers: int | None = None,
    seed: int | None = None,
    emptied_by: str = "",
) -> Keys:
    """
    Load what there is to look at, once, and return what to look with.

    With the URL of the schema's owner in `emptied_by`, what was there goes first. Raise
    `RuleViolated` where the database has things of its own, or a demo of other numbers.
    """
    from telecom_crm.adapters.clock import ManualClock, utc_now
    from telecom_crm.entrypoints.container import kept_secret
    from telecom_crm.entrypoints.demo_life import live

    _refuse_odd(customers, seed)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = kept_secret(settings.data / "demo-password", new_password)
    clock = ManualClock(utc_now())
    with _alone(settings):
        if emptied_by:
            _empty(settings, emptied_by)
        with open_crm(settings, clock=clock, gateways=GATEWAYS) as crm:
            _refuse_another(crm.rules.demo(), customers, seed)
            token = _token_there(crm, token_file(settings))
            if token is None:
                say("Loading the demo catalog and demo subscribers")
                live(crm, clock, customers=customers or CUSTOMERS, seed=seed or 0)
                load_applications(crm)
                load_accounts(crm, password)
                crm.step("delete_files")
                token = kept_secret(token_file(settings), partial(_new_token, crm))
            return Keys(token, password)


def _token_there(crm: Crm, kept: Path) -> str | None:
    """Return the token that opens a demo already; one of another database, or revoked, goes."""
    if kept.exists():
        secret = kept.read_text("ascii").strip()
        if crm.access.authenticate(secret) is not None:
            return secret
        kept.unlink()
    return None


def _new_token(crm: Crm) -> str:
    from telecom_crm.domain.role import RoleName

    return crm.access.create_token(name="demo-admin", role=RoleName.ADMIN, by=BY)[1]


def token_file(settings: Settings) -> Path:
    """Return where the token of a demo is kept."""
    return settings.data / "demo-token"


def _demo_in(settings: Settings) -> Demo:
    """Return the demo that is there; raise `RuleViolated` where there is none."""
    with open_crm(settings) as crm:
        there = crm.rules.demo()
    if there is None:
        reason = "what is in this database is somebody's own, or nothing: see demo seed"
        raise RuleViolated("only_a_demo_is_emptied", (reason,))
    return there


def _refuse_odd(customers: int | None, seed: int | None) -> None:
    """Raise `InvalidValue` for numbers that no demo is made from."""
    from telecom_crm.entrypoints.demo_life import FEWEST, MOST

    if customers is not None and not FEWEST <= customers <= MOST:
        raise InvalidValue.of("customers", "customers", f"from {FEWEST} to {MOST}", customers)
    if seed is not None and seed < 0:
        raise InvalidValue.of("seed", "seed", "a whole number from 0 on", seed)


def _empty(settings: Settings, owner: str) -> None:
    from telecom_crm.adapters.postgres.emptying import empty_demo

    say("Emptying the demo")
    empty_demo(owner, schema=settings.schema)


def _refuse_another(there: Demo | None, customers: int | None, seed: int | None) -> None:
    if there is None or (customers in (None, there.customers) and seed in (None, there.seed)):
        return
    reason = (
        f"there is a demo of {there.customers} customers and seed {there.seed} already;"
        f" {called_as()} demo reset makes it anew"
    )
    raise RuleViolated("demo_in_empty_database", (reason,))


def _agreed() -> bool:
    """Ask whether it is meant; nobody to ask is a no."""
    question = f"Everything in this demo goes and is made anew. Type {YES} to go on: "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == YES


def _tell(keys: Keys) -> None:
    print("\n".join(keys.told()))


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Let one process of this directory load the demo, and the next find it loaded."""
    with (settings.data / "demo-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
