"""Figures of this process and of the network's backlog, in the text format of Prometheus."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from telecom_crm.domain.provisioning import ProvisioningStatus
from telecom_crm.entrypoints.http.served import served

BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STARTED = "telecom_crm_started"


class Metrics:
    """
    Counts answers by method, route and status, and how long they took.

    Each server process counts for itself; a process is told apart by the label `process`.
    """

    def __init__(self) -> None:
        self._answers: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(
            lambda: [0.0] * (len(BUCKETS_SECONDS) + 2)
        )
        self._lock = threading.Lock()

    def note(self, message: Message, scope: Scope) -> None:
        """Count an answer, when it begins."""
        if message["type"] != "http.response.start":
            return
        # Unknown paths are one series: a client must not be able to make more of them.
        route: Any = scope.get("path_template") or "unknown"
        method: Any = scope.get("method", "")
        started = scope["state"].get(STARTED)
        with self._lock:
            self._answers[method, route, message["status"]] += 1
            if started is not None:
                self._observe((method, route), time.perf_counter() - started)

    def text(self) -> str:
        """Return everything, as Prometheus reads it."""
        process = f'process="{os.getpid()}"'
        lines = [
            "# HELP telecom_crm_http_requests_total Answers by method, route and status.",
            "# TYPE telecom_crm_http_requests_total counter",
        ]
        with self._lock:
            answers = dict(self._answers)
            seconds = {key: list(row) for key, row in self._seconds.items()}
        for (method, route, status), count in sorted(answers.items()):
            labels = f'{process},method="{method}",route="{route}",status="{status}"'
            lines.append(f"telecom_crm_http_requests_total{{{labels}}} {count}")
        lines += [
            "# HELP telecom_crm_http_request_seconds Time to the first byte of an answer.",
            "# TYPE telecom_crm_http_request_seconds histogram",
        ]
        for (method, route), row in sorted(seconds.items()):
            labels = f'{process},method="{method}",route="{route}"'
            lines += _histogram("telecom_crm_http_request_seconds", labels, row)
        return "\n".join(lines) + "\n"

    def _observe(self, key: tuple[str, str], seconds: float) -> None:
        row = self._seconds[key]
        for place, edge in enumerate(BUCKETS_SECONDS):
            if seconds <= edge:
                row[place] += 1
                break
        row[-2] += 1
        row[-1] += seconds


def timed(app: ASGIApp) -> ASGIApp:
    """Remember, as the first middleware, when a request came."""

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][STARTED] = time.perf_counter()
        await app(scope, receive, send)

    return begun


async def noted(message: Message, scope: Scope) -> None:
    """Have an answer counted by whom it is served for."""
    served(scope).metrics.note(message, scope)


def backlog_text(tasks: Mapping[ProvisioningStatus, int] | None) -> str:
    """
    Return what the network has still to do, as Prometheus reads it; the same from every process.

    None where the database is away: then only that is told.
    """
    lines = [
        "# HELP telecom_crm_database_up Whether the database answered just now.",
        "# TYPE telecom_crm_database_up gauge",
        f"telecom_crm_database_up {int(tasks is not None)}",
    ]
    if tasks is not None:
        lines += [
            "# HELP telecom_crm_provisioning_tasks Unfinished tasks; the failed wait for a person.",
            "# TYPE telecom_crm_provisioning_tasks gauge",
        ]
        lines += [
            f'telecom_crm_provisioning_tasks{{status="{status}"}} {count}'
            for status, count in tasks.items()
        ]
    return "\n".join(lines) + "\n"


def _histogram(name: str, labels: str, row: list[float]) -> list[str]:
    """Lay out buckets, which count everything up to their edge, then sum and count."""
    lines, so_far = [], 0
    for place, edge in enumerate(BUCKETS_SECONDS):
        so_far += int(row[place])
        lines.append(f'{name}_bucket{{{labels},le="{edge}"}} {so_far}')
    lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {int(row[-2])}')
    lines.append(f"{name}_sum{{{labels}}} {row[-1]:.6f}")
    lines.append(f"{name}_count{{{labels}}} {int(row[-2])}")
    return lines
