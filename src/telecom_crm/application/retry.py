"""Running a use case again when it lost a race, and many without one stopping the others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from telecom_crm.application.ports import Contended
from telecom_crm.domain.errors import StaleVersion, TelecomCrmError, VersionSeen

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 100
"""Each lost race means that another command won, so this many in a row need a very hot thing."""


def retried(use_case: Callable[P, R]) -> Callable[P, R]:
    """
    Run the use case anew when another transaction changed what it relied on.

    It reads everything again, so that the loser of a race fails with what is true now ("the SIM is
    bound"), or succeeds. A version that the caller named and that is not the present one stays
    wrong, so that is raised at once. A use case must therefore do nothing outside its transaction.
    """

    @functools.wraps(use_case)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return use_case(*args, **kwargs)
            except VersionSeen:
                raise
            except (Contended, StaleVersion):
                continue
        return use_case(*args, **kwargs)

    return again


def each_alone(steps: Iterable[Callable[[], int]]) -> int:
    """
    Do every step, also after one has failed, and return the sum of what they return.

    Raise what failed, all together, at the end: a sweep must not stop at one bad thing.
    """
    done, failures = 0, []
    for step in steps:
        try:
            done += step()
        except TelecomCrmError as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of a sweep's things failed", failures)
    return done
