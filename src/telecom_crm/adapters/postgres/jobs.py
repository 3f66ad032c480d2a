"""
Duties done again and again, by however many workers, scheduled in PostgreSQL by procrastinate.

Its tables have a schema of their own beside ours. A duty is due every so many seconds, for all
workers together, and is not queued twice; one whose worker died is taken up by another. A duty must
bear being done twice.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager
from psycopg import sql

from telecom_crm.adapters.postgres.connecting import CONNECT_SECONDS, checked_url, connected
from telecom_crm.adapters.postgres.engine import DEFAULT_SCHEMA, checked_schema, role_of, translated
from telecom_crm.adapters.postgres.owner import schema_made
from telecom_crm.adapters.postgres.revision import has_jobs
from telecom_crm.domain.errors import SchemaOutdated, TelecomCrmError
from telecom_crm.domain.traces import trace_of

logger = logging.getLogger("telecom_crm.worker")

_TURNSTILE = 0x6A6F6273  # "jobs": two installations take turns
_DEAD_AFTER = 30
"""Seconds without a heartbeat after which a worker counts as dead."""


@attrs.frozen(kw_only=True)
class Duty:
    """Something to be done every `seconds` (1 to 59)."""

    name: str
    seconds: int
    do: Callable[[], object]


def jobs_schema(schema: str = DEFAULT_SCHEMA) -> str:
    """Return the schema that belongs to the jobs of ours."""
    return f"{checked_schema(schema)}_jobs"


def install(url: str, *, schema: str = DEFAULT_SCHEMA) -> None:
    """Make the jobs' schema where it is not there; `url` is the owner's. Again is no change."""
    place, role = sql.Identifier(jobs_schema(schema)), sql.Identifier(role_of(schema))
    with translated("the jobs"), connected(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURNSTILE,))
        if has_jobs(url, schema=schema):
            return
        connection.execute(schema_made(jobs_schema(schema)).encode())
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(place))
        connection.execute(SchemaManager.get_schema())
        for grant in (
            "GRANT USAGE ON SCHEMA {} TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {}",
        ):
            connection.execute(sql.SQL(grant).format(place, role))


def run(url: str, duties: Sequence[Duty], *, schema: str = DEFAULT_SCHEMA) -> None:
    """
    Do the duties until SIGTERM or SIGINT, then finish what is under way.

    A database that goes away is waited for. Raise `SchemaOutdated` where the jobs have no schema.
    """
    if not has_jobs(url, schema=schema):
        raise SchemaOutdated("", jobs_schema(schema))
    asyncio.run(_run(url, duties, schema))


def make_app(url: str, duties: Sequence[Duty], *, schema: str = DEFAULT_SCHEMA) -> App:
    """Return procrastinate's app with the duties, not opened yet."""
    connector = PsycopgConnector(
        conninfo=checked_url(url),
        min_size=1,
        max_size=6,
        kwargs={
            "options": f"-c search_path={jobs_schema(schema)}",
            "application_name": "telecom-crm worker",
            "connect_timeout": CONNECT_SECONDS,
        },
    )
    app = App(connector=connector)
    for duty in duties:
        _schedule(app, duty)

    @app.periodic(cron="* * * * * */15")
    @app.task(name="retry_stalled", queueing_lock="retry_stalled")
    async def retry_stalled(timestamp: int) -> None:  # noqa: ARG001  # given by the schedule
        await retry_stalled_jobs(app)

    @app.periodic(cron="7 * * * *")
    @app.task(name="forget_failed", queueing_lock="forget_failed")
    async def forget_failed(timestamp: int) -> None:  # noqa: ARG001  # given by the schedule
        await app.job_manager.delete_old_jobs(
            nb_hours=72, include_failed=True, include_cancelled=True, include_aborted=True
        )

    return app


async def retry_stalled_jobs(app: App) -> int:
    """Queue again what dead workers left; return how many. What waits already is left out."""
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_AFTER))
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)
    return len(stalled)


def _schedule(app: App, duty: Duty) -> None:
    def do(timestamp: int) -> None:  # noqa: ARG001  # given by the schedule
        perform(duty)

    # One waits at most, and one runs at most, on all workers together.
    task = app.task(name=duty.name, queueing_lock=duty.name, lock=duty.name)(do)
    app.periodic(cron=f"* * * * * */{duty.seconds}")(task)


def perform(duty: Duty) -> None:
    """Do a duty once; what fails is logged, without personal data, and done again when next due."""
    try:
        duty.do()
    except TelecomCrmError as error:
        logger.warning("%s: %s", duty.name, error.code)
    except Exception as error:  # noqa: BLE001  # logged; the worker goes on with its other duties
        logger.error("%s failed\n%s", duty.name, trace_of(error))


async def _run(url: str, duties: Sequence[Duty], schema: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _tell_less()
    away = False
    while not stop.is_set():
        try:
            await _work_until(stop, make_app(url, duties, schema=schema), back=away)
        except (ConnectorException, psycopg.Error, OSError):
            if not away:
                logger.warning("the database is away; waiting for it")
            away = True
            await _pause(stop)


def _tell_less() -> None:
    """
    Leave what the libraries say of a database that is away: it is told once, by us.

    They tell each attempt, with its whole trace. What a duty fails with is logged by `perform`.
    """
    for name in ("psycopg.pool", "procrastinate"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


async def _work_until(stop: asyncio.Event, app: App, *, back: bool) -> None:
    async with app.open_async():
        if back:
            logger.warning("the database is back")
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=4,
                delete_jobs="successful",
                install_signal_handlers=False,
                shutdown_graceful_timeout=20,
                stalled_worker_timeout=_DEAD_AFTER,
                fetch_job_polling_interval=1.0,
            )
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not worker.done():
            worker.cancel()  # it finishes what is under way
        await asyncio.gather(worker, return_exceptions=stop.is_set())


async def _pause(stop: asyncio.Event, seconds: float = 1.0) -> None:
    waiting: set[asyncio.Task[Any]] = {asyncio.create_task(stop.wait())}
    _, pending = await asyncio.wait(waiting, timeout=seconds)
    for task in pending:
        task.cancel()
