"""How long an operator keeps things, and waits for others."""

from __future__ import annotations

from datetime import timedelta

import attrs

from telecom_crm.domain.errors import Faults


@attrs.frozen(kw_only=True)
class Periods:
    """An operator's periods, each with what it is where nothing is said."""

    draft: timedelta = timedelta(days=3)
    """How long a draft keeps its SIM and its number."""
    quarantine: timedelta = timedelta(days=90)
    """How long a number rests before it is given to somebody else."""
    reservation: timedelta = timedelta(hours=1)
    """How long something is kept for somebody who does not say until when."""
    claim: timedelta = timedelta(minutes=15)
    """How long an application is an operator's who took it, before it is offered again."""
    answer: timedelta = timedelta(days=30)
    """How long who applies has to answer what was asked, before the application is cancelled."""
    application: timedelta = timedelta(days=90)
    """How long an application that ended without a customer keeps who asked and what for."""
    network: timedelta = timedelta(minutes=2)
    """How long the network has for a task, before it is asked again."""
    payment: timedelta = timedelta(minutes=5)
    """How long a payment may be in flight, before the gateway is asked about it."""
    message: timedelta = timedelta(hours=24)
    """How long a message is worth sending."""

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        for name, period in attrs.asdict(self).items():
            if period <= timedelta():
                faults.add(f"periods.{name}", "period", "more than no time", period)
        faults.raise_any()
