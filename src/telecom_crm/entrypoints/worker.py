"""The worker: every step of `Crm.work`, each in its own rhythm, until it is told to stop."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from telecom_crm.adapters.postgres.jobs import Duty, run
from telecom_crm.entrypoints.crm import STEPS, Crm
from telecom_crm.entrypoints.settings import Settings, located, open_crm

QUICK = frozenset(
    {
        "request_activations",
        "carry_out_approvals",
        "provision",
        "delete_files",
        "run_imports",
        "lift_money_holds",
        "write_messages",
        "send_messages",
        "deliver_events",
        "deliver_webhooks",
    }
)
"""The steps that somebody waits for."""

AT_ONCE = 500
"""How much of a step is taken up at once."""


def duties(crm: Crm, settings: Settings) -> Iterable[Duty]:
    """Return what the worker has to do, and how often."""
    for name in STEPS:
        seconds = settings.work_seconds if name in QUICK else settings.tidy_seconds
        yield Duty(name=name, seconds=seconds, do=partial(_step, crm, name))


def _step(crm: Crm, name: str) -> int:
    """
    Do one step, unless the past of a demo is being made.

    What is due in it is done by whoever makes it, on the days of then; here it would be done now.
    """
    demo = crm.rules.demo()
    if demo is not None and not demo.lived:
        return 0
    return crm.step(name, limit=AT_ONCE)


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way."""
    with located(settings) as here, open_crm(here) as crm:
        run(here.database_url, list(duties(crm, here)), schema=here.schema)
