"""The three ways in: what `telecom_crm.in_memory`, `open` and `open_embedded` do."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from telecom_crm.application.ports import NotInstalled
from telecom_crm.entrypoints.container import Options, Store, build
from telecom_crm.entrypoints.crm import Crm


def in_memory(**options: Any) -> Crm:
    """Open a CRM in memory."""
    return build(Options(store=Store.MEMORY, **options))


def open(url: str, **options: Any) -> Crm:
    """Open a CRM on a PostgreSQL whose schema is current."""
    _need("sqlalchemy", "PostgreSQL databases", extra="postgres")
    return build(Options(store=Store.POSTGRES, url=url, **options))


def open_embedded(directory: str | Path, **options: Any) -> Crm:
    """Open a CRM on the embedded PostgreSQL of a directory, migrated."""
    _need("sqlalchemy", "embedded databases", extra="embedded")
    directory = Path(directory).absolute()
    from telecom_crm.entrypoints.embedded import start_embedded

    server, url = start_embedded(directory)
    try:
        migrate(url, **{k: v for k, v in options.items() if k == "schema"})
        crm = open(url, **{"data": directory, **options})
    except BaseException:
        server.stop()
        raise

    def close() -> None:
        crm.close()
        server.stop()

    return attrs.evolve(crm, close=close)


def _need(library: str, what: str, *, extra: str) -> None:
    if find_spec(library) is None:
        raise NotInstalled(what, extra)


def migrate(url: str, *, schema: str = "telecom_crm") -> None:
    """Bring a database's schema to what this version needs; `url` is its owner's."""
    from telecom_crm.adapters.postgres import revision

    if revision.found(url, schema=schema) != revision.needed():
        from telecom_crm.adapters.postgres.migrate import upgrade

        upgrade(url, schema=schema)
