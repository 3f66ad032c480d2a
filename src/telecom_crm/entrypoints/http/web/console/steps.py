"""What is done to a thing by a button: its words, and what it asks first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import attrs

from telecom_crm.domain.errors import NotFound


@attrs.frozen
class Step:
    """A command of a thing: its words, icon, what is said after, and what it asks first."""

    text: str
    icon: str
    done: str
    asks: str = ""
    """`reason` for a reason in words, another word for what the area asks, "" for nothing."""


S = TypeVar("S", bound=Step)


def step_named(steps: Mapping[str, S], name: str) -> S:
    """Return the step of a command in an address; raise `NotFound`."""
    if name not in steps:
        raise NotFound("command", name)
    return steps[name]
