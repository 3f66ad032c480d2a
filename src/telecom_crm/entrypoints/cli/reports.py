"""`telecom-crm reports`."""

from __future__ import annotations

from telecom_crm.entrypoints.cli.database import HERE, Database


def rebuild(*, database: Database = HERE) -> int:
    """
    Sum up all events and the whole journal anew.

    Figures are right without it: what is kept only saves counting again. After a dump was restored
    it is done by itself, once the cursors of consumers are set back: see docs/operations.md.

    Parameters
    ----------
    database
        Where the data is.
    """
    with database.open() as crm:
        print(f"{crm.reports.rebuild()} events summed up")
    return 0
