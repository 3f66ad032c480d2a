"""
What a service is told from outside: the environment (`TELECOM_CRM_*`) over a TOML file.

The file is `telecom-crm.toml` in the working directory, or what `TELECOM_CRM_SETTINGS` names; its
table is `[telecom_crm]`. For example `TELECOM_CRM_ZONE=Asia/Almaty`, or `zone = "Asia/Almaty"`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import typed_settings as ts

from telecom_crm.domain.errors import Fault, InvalidValue

if TYPE_CHECKING:
    from telecom_crm.entrypoints.container import DoorOptions
    from telecom_crm.entrypoints.crm import Crm

FILE = Path("telecom-crm.toml")
PREFIX = "TELECOM_CRM_"


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    """Read a list, which from the environment arrives as one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


@attrs.frozen(kw_only=True)
class Settings:
    """
    Everything a process of ours can be told.

    `gateways`, `network` and `messenger` are the built-in ones by name, or one's own as
    `module:factory`, called without arguments. Without gateways there is the cash desk. Without
    `database_url` the embedded PostgreSQL below `data` is used.
    """

    database_url: str = attrs.field(default="", repr=False)
    migration_url: str = attrs.field(default="", repr=False)
    schema: str = "telecom_crm"
    data: Path = attrs.field(default=Path(".telecom-crm"), converter=Path)
    host: str = "127.0.0.1"
    port: int = attrs.field(default=8000, validator=attrs.validators.in_(range(65536)))
    processes: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    requests_per_second: int = attrs.field(default=300, validator=attrs.validators.ge(0))
    """How many a token may send to each process; 0 is as many as it likes."""
    refused_per_minute: int = attrs.field(default=60, validator=attrs.validators.ge(0))
    """How many tokens that open nothing an address may send to each process; 0 as above."""
    proxies: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """Addresses of proxies of ours, whose `X-Forwarded-For` is believed."""
    pool_size: int = attrs.field(default=8, validator=attrs.validators.ge(2))
    gateways: tuple[str, ...] = attrs.field(default=(), converter=_names)
    network: str = "simulator"
    messenger: str = "console"
    zone: str = "Asia/Bishkek"
    currency: str = "KGS"
    operator: str = ""
    """What the operator is called on receipts."""
    webhooks_to_private: bool = False
    """Whether events may be sent to private addresses, this machine among them."""
    work_seconds: int = attrs.field(default=2, validator=attrs.validators.in_(range(1, 60)))
    """How often the worker looks for quick work: network, messages, events."""
    tidy_seconds: int = attrs.field(default=30, validator=attrs.validators.in_(range(1, 60)))
    """How often it looks for the rest: repair of payments, expiry, recycling."""

    def options(self) -> DoorOptions:
        """Return them as options of a door."""
        options: DoorOptions = {
            "schema": self.schema,
            "data": self.data,
            "pool_size": self.pool_size,
            "zone": self.zone,
            "currency": self.currency,
            "network": self.network,
            "messenger": self.messenger,
            "operator": self.operator,
            "webhooks_to_private": self.webhooks_to_private,
        }
        if self.gateways:
            options["gateways"] = self.gateways
        return options


def read_settings(**given: Any) -> Settings:
    """Read the settings; what is given here, and is not None, goes over all others."""
    loaders = ts.default_loaders(
        "telecom_crm", [FILE], config_file_section="telecom_crm", env_prefix=PREFIX
    )
    try:
        settings = ts.load_settings(Settings, loaders)
        return attrs.evolve(settings, **{k: v for k, v in given.items() if v is not None})
    except ts.exceptions.InvalidSettingsError as error:
        faults = [Fault("settings", "settings", str(one)) for one in error.args[-1]]
        raise InvalidValue(tuple(faults)) from error
    except (ValueError, TypeError, ts.exceptions.TsError) as error:
        words = str(error.args[0]) if error.args else str(error)
        raise InvalidValue.of("settings", "settings", words) from error


def open_crm(settings: Settings) -> Crm:
    """Open the CRM that the settings speak of: on its database, or on the embedded one."""
    from telecom_crm.entrypoints import doors

    options = settings.options()
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
    told = {
        f"{PREFIX}{field.name.upper()}": getattr(settings, field.name)
        for field in attrs.fields(Settings)
    }
    written = {k: ",".join(v) if isinstance(v, tuple) else str(v) for k, v in told.items()}
    return {**os.environ, **written, f"{PREFIX}MIGRATION_URL": ""}
