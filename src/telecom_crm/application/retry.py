"""Running a use case again when it lost a race."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from telecom_crm.application.ports import Contended
from telecom_crm.domain.errors import StaleVersion

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS = 100
"""Each lost race means that another command won, so this many in a row need a very hot thing."""


def retried(use_case: Callable[P, R]) -> Callable[P, R]:
    """
    Run the use case anew when another transaction changed what it relied on.

    It reads everything again, so that the loser of a race fails with what is true now ("the SIM is
    bound"), or succeeds. A use case must therefore do nothing outside its transaction.
    """

    @functools.wraps(use_case)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return use_case(*args, **kwargs)
            except (Contended, StaleVersion):
                continue
        return use_case(*args, **kwargs)

    return again
