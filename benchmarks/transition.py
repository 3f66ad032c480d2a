"""A state transition in memory, with its event, beside one `attrs.evolve` of the same class."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import attrs

from benchmarks.measuring import Sample, take_turns
from benchmarks.report import Result
from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.domain.identifiers import AccountId, PaymentId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod

TIMES = 20_000


def measure(*, quick: bool) -> list[Result]:
    """Send a payment off, and evolve it."""
    at, by = utc_now(), Actor("bench")
    payment = Payment.initiate(
        id=PaymentId(new_uuid7()),
        account_id=AccountId(UUID(int=1)),
        contract_id=None,
        amount=Money(150_00, "KGS"),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
        by=by,
        at=at,
    )
    samples = take_turns(
        {
            "evolve": lambda: _often(lambda: attrs.evolve(payment, version=2)),
            "transition": lambda: _often(lambda: payment.send(by=by, at=at)),
        },
        rounds=5 if quick else 15,
    )
    evolve = samples["evolve"]
    return [
        Result.of(
            "a state transition in memory, event included",
            samples["transition"],
            evolve,
            at_least=0.5,
            note="`Payment.send`",
        ),
        Result.of("its reference: one attrs.evolve", evolve, evolve),
    ]


def _often(action: Callable[[], object]) -> Sample:
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(TIMES):
        action()
    return Sample(
        operations=TIMES,
        seconds=time.perf_counter() - started,
        own_cpu=time.process_time() - cpu,
    )
