"""`telecom-crm serve` and `telecom-crm worker`."""

from __future__ import annotations

import logging
import os
import sys

from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.following import follow_parent
from telecom_crm.entrypoints.cli.http_process import refuse_taken, serve_http
from telecom_crm.entrypoints.settings import as_environment, located, open_crm


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    processes: int | None = None,
    database: Database = HERE,
) -> int:
    """
    Serve HTTP alone, until SIGTERM or Ctrl-C.

    Parameters
    ----------
    host
        The address to listen on [127.0.0.1].
    port
        The port to listen on [8000].
    processes
        How many processes share the work [1].
    database
        Where the data is.
    """
    follow_parent()
    settings = database.settings(host=host, port=port, processes=processes)
    with located(settings) as here:
        open_crm(here).close()  # what is wrong shows here, in words
        os.environ.update(as_environment(here))
        refuse_taken(here.host, here.port)
        print(f"serving http://{here.host}:{here.port}", flush=True)
        serve_http(here.host, here.port, here.processes)
    return 0


def worker(*, database: Database = HERE) -> int:
    """
    Do what nobody asks for, until SIGTERM or Ctrl-C.

    It tells the network, sends messages and events, asks about payments whose end is not known, and
    ends what has a term. Several may run.

    Parameters
    ----------
    database
        Where the data is.
    """
    from telecom_crm.entrypoints.worker import run_worker

    follow_parent()
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(name)s %(levelname)s %(message)s"
    )
    run_worker(database.settings())
    return 0
