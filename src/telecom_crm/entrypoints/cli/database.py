"""Which database a command works on: the flags that all commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.settings import Settings, open_crm, read_settings


@Parameter(name="*", group="Database")
@attrs.frozen(kw_only=True)
class Database:
    """Where the operator's things are."""

    data: Annotated[
        Path | None,
        Parameter(help="Directory of files and of the embedded PostgreSQL [.telecom-crm]."),
    ] = None
    database_url: Annotated[
        str | None,
        Parameter(help="A PostgreSQL of yours, in place of the embedded one."),
    ] = attrs.field(default=None, repr=False)
    schema: Annotated[str | None, Parameter(help="The schema's name [telecom_crm].")] = None

    def settings(self, **more: Any) -> Settings:
        """Return all settings, the flags first; a named data directory means its own server."""
        url = self.database_url
        if url is None and self.data is not None:
            url = ""
        return read_settings(data=self.data, database_url=url, schema=self.schema, **more)

    def open(self, *, begin: bool = False, **more: Any) -> Crm:
        """
        Open the CRM there, with settings that go over all others.

        A data directory with nothing in it is refused, unless this is to `begin` one: what is asked
        for is then somewhere else.
        """
        settings = self.settings(**more)
        if not (settings.database_url or begin):
            from telecom_crm.entrypoints.embedded import require_begun

            require_begun(settings.data)
        return open_crm(settings)


HERE = Database()
"""What counts where no flag is given."""
