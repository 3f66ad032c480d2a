"""`telecom-crm catalog`."""

from __future__ import annotations

import json
from pathlib import Path

from telecom_crm.application.catalog_file import demo_catalog, read_catalog_toml
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json

BY = Actor("command line")


def apply(
    file: Path | None = None,
    /,
    *,
    demo: bool = False,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Make the catalog as a TOML file says.

    Again is no change; what changed gets a new version. Nothing is removed.

    Parameters
    ----------
    file
        The catalog: currency, tariffs, options, rules. docs/catalog.md shows all that may be in it.
    demo
        The built-in demo catalog in place of a file.
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    if (file is None) != demo:
        raise InvalidValue.of("file", "file", "name a catalog file, or say --demo")
    wanted = demo_catalog() if file is None else read_catalog_toml(file.read_bytes())
    with database.open() as crm:
        applied = crm.catalog.apply(wanted, by=BY)
    counts = {
        "created": applied.created,
        "updated": applied.updated,
        "unchanged": applied.unchanged,
    }
    if as_json:
        print(json.dumps(counts))
    else:
        print(", ".join(f"{count} {name}" for name, count in counts.items()))
    return 0
