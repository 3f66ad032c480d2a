"""
What a service is told from outside: the environment (`TELECOM_CRM_*`) over a TOML file.

The file is `telecom-crm.toml` in the working directory, or what `TELECOM_CRM_SETTINGS` names; its
table is `[telecom_crm]`. For example `TELECOM_CRM_ZONE=Asia/Almaty`, or `zone = "Asia/Almaty"`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.entrypoints.periods import Periods

if TYPE_CHECKING:
    from typing import Unpack

    from attrs import Attribute

    from telecom_crm.entrypoints.container import DoorOptions
    from telecom_crm.entrypoints.crm import Crm

FILE = Path("telecom-crm.toml")
TABLE = "telecom_crm"
PREFIX = "TELECOM_CRM_"

# What a value may be, however it arrives: from the environment all of it is text.

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue.of("", "text", "a text in quotes")
    return value


def _path(value: object) -> Path:
    return value if isinstance(value, Path) else Path(_text(value))


def _switch(value: object) -> bool:
    word = str(value).lower()
    if word not in (*_YES, *_NO):
        raise InvalidValue.of("", "switch", "true or false", value)
    return word in _YES


def _names(value: object) -> tuple[str, ...]:
    """Read a list, which from the environment is one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not (isinstance(parts, list | tuple) and all(isinstance(part, str) for part in parts)):
        raise InvalidValue.of("", "list", 'a list of texts, such as ["one", "two"]')
    return tuple(part.strip() for part in parts if part.strip())


def _whole(value: object) -> int:
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool):
        raise InvalidValue.of("", "number", "a whole number", value)
    return number


def _within(least: int, most: int | None = None) -> Callable[[Settings, Attribute[int], int], None]:
    wanted = f"from {least} " + ("on" if most is None else f"to {most}")

    def check(_: Settings, field: Attribute[int], number: int) -> None:
        if number < least or (most is not None and number > most):
            raise InvalidValue.of(field.name, "range", wanted, number)

    return check


@attrs.frozen(kw_only=True)
class Settings:
    """
    Everything a process of ours can be told.

    `gateways`, `network` and `messenger` are the built-in ones by name, or one's own as
    `module:factory`, called without arguments. Without gateways there is the cash desk. Without
    `database_url` the embedded PostgreSQL below `data` is used.
    """

    database_url: str = attrs.field(default="", converter=_text, repr=False)
    migration_url: str = attrs.field(default="", converter=_text, repr=False)
    schema: str = attrs.field(default="telecom_crm", converter=_text)
    data: Path = attrs.field(default=Path(".telecom-crm"), converter=_path)
    host: str = attrs.field(default="127.0.0.1", converter=_text)
    port: int = attrs.field(default=8000, converter=_whole, validator=_within(1, 65535))
    processes: int = attrs.field(default=1, converter=_whole, validator=_within(1))
    requests_per_second: int = attrs.field(default=300, converter=_whole, validator=_within(0))
    """How many a token may send to each process; 0 is as many as it likes."""
    refused_per_minute: int = attrs.field(default=60, converter=_whole, validator=_within(0))
    """How many tokens that open nothing an address may send to each process; 0 as above."""
    proxies: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Addresses of our proxies, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    pool_size: int = attrs.field(default=8, converter=_whole, validator=_within(2))
    gateways: tuple[str, ...] = attrs.field(default=(), converter=_names)
    network: str = attrs.field(default="simulator", converter=_text)
    messenger: str = attrs.field(default="console", converter=_text)
    zone: str = attrs.field(default="Asia/Bishkek", converter=_text)
    currency: str = attrs.field(default="KGS", converter=_text)
    country: str = attrs.field(default="KG", converter=_text)
    """Where phone numbers are dialled (ISO 3166-1)."""
    operator: str = attrs.field(default="", converter=_text)
    """What the operator is called on receipts."""
    webhooks_to_private: bool = attrs.field(default=False, converter=_switch)
    """Whether events may be sent to private addresses, this machine among them."""
    imports_kept_days: int = attrs.field(default=30, converter=_whole, validator=_within(0))
    """How long a file that was brought in is kept once it is done with."""
    pool_low: int = attrs.field(default=100, converter=_whole, validator=_within(0))
    """Fewer free SIM cards or standard numbers than so many are too few."""
    draft_days: int = attrs.field(default=3, converter=_whole, validator=_within(1, 3650))
    """How long a draft keeps its SIM and its number."""
    quarantine_days: int = attrs.field(default=90, converter=_whole, validator=_within(1, 3650))
    """How long a number rests before it is given to somebody else."""
    reservation_minutes: int = attrs.field(
        default=60, converter=_whole, validator=_within(1, 10**6)
    )
    """How long something is kept for somebody who does not say until when."""
    claim_minutes: int = attrs.field(default=15, converter=_whole, validator=_within(1, 10**6))
    """How long an application is an operator's who took it, before it is offered again."""
    answer_days: int = attrs.field(default=30, converter=_whole, validator=_within(1, 3650))
    """How long who applies has to answer what was asked, before the application is cancelled."""
    application_days: int = attrs.field(default=90, converter=_whole, validator=_within(1, 3650))
    """How long an application that ended without a customer keeps who asked and what for."""
    network_seconds: int = attrs.field(default=120, converter=_whole, validator=_within(1, 10**6))
    """How long the network has for a task, before it is asked again."""
    payment_minutes: int = attrs.field(default=5, converter=_whole, validator=_within(1, 10**6))
    """How long a payment may be in flight, before the gateway is asked about it."""
    message_hours: int = attrs.field(default=24, converter=_whole, validator=_within(1, 10**5))
    """How long a message is worth sending."""
    work_seconds: int = attrs.field(default=2, converter=_whole, validator=_within(1, 59))
    """How often the worker looks for quick work: network, messages, events."""
    tidy_seconds: int = attrs.field(default=30, converter=_whole, validator=_within(1, 59))
    """How often it looks for the rest: repair of payments, expiry, recycling."""

    def options(self) -> DoorOptions:
        """Return them as options of a door."""
        options: DoorOptions = {
            "schema": self.schema,
            "data": self.data,
            "pool_size": self.pool_size,
            "zone": self.zone,
            "currency": self.currency,
            "country": self.country,
            "network": self.network,
            "messenger": self.messenger,
            "operator": self.operator,
            "webhooks_to_private": self.webhooks_to_private,
            "imports_kept_days": self.imports_kept_days,
            "pool_low": self.pool_low,
            "periods": self._periods(),
        }
        if self.gateways:
            options["gateways"] = self.gateways
        return options

    def _periods(self) -> Periods:
        return Periods(
            draft=timedelta(days=self.draft_days),
            quarantine=timedelta(days=self.quarantine_days),
            reservation=timedelta(minutes=self.reservation_minutes),
            claim=timedelta(minutes=self.claim_minutes),
            answer=timedelta(days=self.answer_days),
            application=timedelta(days=self.application_days),
            network=timedelta(seconds=self.network_seconds),
            payment=timedelta(minutes=self.payment_minutes),
            message=timedelta(hours=self.message_hours),
        )


KNOWN = tuple(field.name for field in attrs.fields(Settings))


def read_settings(**given: Any) -> Settings:
    """
    Read the settings; what is given here, and is not None, goes over all others.

    Raise `InvalidValue` with everything that is wrong with them, names that nobody knows included.
    """
    faults = Faults()
    values = {
        **_from_file(faults),
        **{name: os.environ[word] for name in KNOWN if (word := variable(name)) in os.environ},
        **{name: value for name, value in given.items() if value is not None},
    }
    for name, value in values.items():
        faults.check(name, partial(_alone, name), value)
    faults.raise_any()
    return Settings(**values)


def _alone(name: str, value: Any) -> Settings:
    return Settings(**{name: value})


def variable(name: str) -> str:
    """Return the environment's name for a setting."""
    return f"{PREFIX}{name.upper()}"


def _from_file(faults: Faults) -> Mapping[str, Any]:
    named = os.environ.get(f"{PREFIX}SETTINGS")
    file = Path(named) if named else FILE
    if not named and not file.exists():
        return {}
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        faults.add(str(file), "file", f"cannot be read ({error.strerror})")
        return {}
    except ValueError as error:  # of TOML, or of UTF-8
        faults.add(str(file), "toml", str(error))
        return {}
    table = told.pop(TABLE, {})
    if not isinstance(table, dict):
        faults.add(TABLE, "table", f"a table: a line [{TABLE}], and settings below it")
        return {}
    for name in told:
        faults.add(name, "unknown_field", f"is not known here; settings go below a line [{TABLE}]")
    faults.extend(Fault.unknown(name, KNOWN) for name in table if name not in KNOWN)
    return {name: value for name, value in table.items() if name in KNOWN}


def open_crm(settings: Settings, **more: Unpack[DoorOptions]) -> Crm:
    """Open the CRM that the settings speak of, with `more` options: on its database, or ours."""
    from telecom_crm.entrypoints import doors

    options: dict[str, Any] = {**settings.options(), **more}
    if settings.database_url:
        return doors.open(settings.database_url, **options)
    return doors.open_embedded(settings.data, **options)


@contextmanager
def located(settings: Settings) -> Iterator[Settings]:
    """
    Give the settings with the URL of a database that is there, for several processes to open.

    The embedded one is started, or joined, and migrated; this process keeps it up meanwhile.
    """
    if settings.database_url:
        yield settings
        return
    from telecom_crm.entrypoints.embedded import start_embedded

    server, url = start_embedded(settings.data)
    with server:
        prepare(url, schema=settings.schema)
        yield attrs.evolve(settings, database_url=url)


def prepare(url: str, *, schema: str) -> None:
    """Bring a database to this version, the worker's schema included; `url` is the owner's."""
    from telecom_crm.adapters.postgres import revision

    outdated = revision.found(url, schema=schema) != revision.needed()
    jobless = not revision.has_jobs(url, schema=schema)
    if not (outdated or jobless):
        return
    from telecom_crm.adapters.postgres import jobs, migrate
    from telecom_crm.adapters.postgres.owner import require_owner

    require_owner(url, schema=schema)
    if outdated:
        migrate.upgrade(url, schema=schema)
    if jobless:
        jobs.install(url, schema=schema)


def as_environment(settings: Settings) -> dict[str, str]:
    """
    Return this process's environment with the settings in it, for a process of ours to start.

    The URL of the schema's owner is left out: who serves has no use for it.
    """
    told = {variable(name): getattr(settings, name) for name in KNOWN}
    written = {k: ",".join(v) if isinstance(v, tuple) else str(v) for k, v in told.items()}
    return {**os.environ, **written, variable("migration_url"): ""}
