"""What one contender did in one round, and rounds in which all contenders take turns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import attrs

_TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen
class Sample:
    """Operations done in so many seconds, and the CPU seconds they took, ours and the server's."""

    operations: int
    seconds: float
    own_cpu: float = 0.0
    server_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    @property
    def own_micros(self) -> float:
        """CPU time of the client's side per operation, in microseconds."""
        return self.own_cpu / self.operations * 1e6

    @property
    def server_micros(self) -> float:
        """CPU time of the database server per operation, in microseconds."""
        return self.server_cpu / self.operations * 1e6


Contender = Callable[[], Sample]


def take_turns(contenders: Mapping[str, Contender], *, rounds: int) -> dict[str, list[Sample]]:
    """Run all contenders, round by round, so that a noisy machine is noisy for each of them."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            sample = contender()
            if number:  # the first round fills caches and prepares statements
                samples[name].append(sample)
    return samples


def ratio(mine: Sequence[Sample], reference: Sequence[Sample]) -> float:
    """Return the median over the rounds of how much faster mine was than its reference."""
    return median(one.rate / other.rate for one, other in zip(mine, reference, strict=True))


@attrs.define
class Meter:
    """Counts operations while it runs, and then has the sample."""

    server_pid: int | None = None
    operations: int = 0
    sample: Sample = attrs.field(init=False)

    @contextmanager
    def running(self) -> Iterator[Meter]:
        """Measure what happens inside; this process and its ended children are the client."""
        started, own, served = time.perf_counter(), _own_cpu(), cpu_of_tree(self.server_pid)
        yield self
        seconds = time.perf_counter() - started
        self.sample = Sample(
            operations=self.operations,
            seconds=seconds,
            own_cpu=_own_cpu() - own,
            server_cpu=cpu_of_tree(self.server_pid) - served,
        )


def cpu_of_tree(pid: int | None) -> float:
    """Return the CPU seconds of a process, the children it has and those it had."""
    if pid is None:
        return 0.0
    user, system, ended_user, ended_system = _times(Path(f"/proc/{pid}"))
    ticks = user + system + ended_user + ended_system
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            ticks += sum(_times(Path(f"/proc/{child}"))[:2])
        except FileNotFoundError:
            continue  # ended meanwhile
    return ticks / _TICKS


def _times(process: Path) -> list[int]:
    # The name in parentheses may hold anything, spaces too; the figures come behind it.
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11:15]]


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
