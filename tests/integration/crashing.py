"""A process that ends, without a word, at the n-th boundary to the rest of the world."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import attrs
import psycopg

import telecom_crm
from telecom_crm import Crm
from telecom_crm.adapters.clock import utc_now
from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.adapters.postgres.pipeline import Pipeline

CRASHED = 86
"""The exit code of a process that came to its boundary."""


@attrs.define
class Fuse:
    """Counts boundaries, and ends the process at its own."""

    left: int

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(CRASHED)

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Make a boundary before and one behind some work."""

        @wraps(work)
        def bounded(*args: Any, **named: Any) -> Any:
            self.burn()
            done = work(*args, **named)
            self.burn()
            return done

        return bounded


def gateway_in(data: Path) -> SimulatorGateway:
    """Return the gateway whose books are kept in a directory, whichever process asks."""
    return SimulatorGateway(secret="crash", state_file=data / "gateway.jsonl")


def open_crm(url: str, data: Path, **options: Any) -> Crm:
    """Open the operator whose processes crash."""
    gateways = ("cash_desk", gateway_in(data))
    crm = telecom_crm.open(url, data=data, gateways=gateways, **options)
    return attrs.evolve(crm, imports=attrs.evolve(crm.imports, chunk=2))


def crash_at(boundary: int, url: str, data: Path, play: Callable[[Crm, int], object]) -> None:
    """
    Play something until the boundary: a commit, a word with the gateway, a step of the network, a
    file that is deleted.

    This is for a process of its own: what it patches stays patched.
    """
    fuse = Fuse(boundary)
    psycopg.Connection.commit = fuse.around(psycopg.Connection.commit)  # type: ignore[method-assign]
    exchange = Pipeline._exchange

    def commit_or_ask(self: Pipeline, *, last: bool = False) -> None:
        (fuse.around(exchange) if last else exchange)(self, last=last)

    Pipeline._exchange = commit_or_ask  # type: ignore[method-assign]
    for name in ("charge", "ask", "refund"):
        setattr(SimulatorGateway, name, fuse.around(getattr(SimulatorGateway, name)))
    DirectoryFiles.delete = fuse.around(DirectoryFiles.delete)  # type: ignore[method-assign]
    with open_crm(url, data, network=SimulatorNetwork(wait=fuse.burn), clock=utc_now) as crm:
        play(crm, boundary)
