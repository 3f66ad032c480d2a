"""`telecom-crm migrate` and `telecom-crm openapi`."""

from __future__ import annotations

import json
from typing import Annotated

from cyclopts import Parameter

from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.settings import located, prepare


def migrate(
    *,
    migration_url: Annotated[str | None, Parameter(show=True)] = None,
    database: Database = HERE,
) -> int:
    """
    Bring the database's schema to this version, or make it.

    Again is no change. Beside this only run migrates a database of yours.

    Parameters
    ----------
    migration_url
        The URL of the schema's owner, where the service's own user may not change it.
    database
        Where the data is.
    """
    from telecom_crm.adapters.postgres.revision import needed

    settings = database.settings(migration_url=migration_url)
    with located(settings) as here:
        prepare(here.migration_url or here.database_url, schema=here.schema)
    print(f"schema {settings.schema} is at {needed()}")
    return 0


def openapi() -> int:
    """Print the HTTP service's OpenAPI document, as JSON."""
    from telecom_crm.entrypoints.http.app import openapi_document

    print(json.dumps(openapi_document(), ensure_ascii=False, indent=2))
    return 0
