"""Draws every state machine of the library, from its table, as the page docs/lifecycles.md."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import telecom_crm.domain
from telecom_crm.domain.lifecycle import Lifecycle

_HEAD = """# Lifecycles

Every state machine of the library, drawn from the table that it runs by. Do not edit this page:
`python -m telecom_crm.entrypoints.lifecycles > docs/lifecycles.md` writes it anew.

An arrow is a command. What stands in brackets chooses between arrows of one command; a need is what
the command asks for beside the state. Each arrow leaves one event behind.
"""


def all_lifecycles() -> tuple[Lifecycle[Any, Any], ...]:
    """Return the machine of every module of the domain, in the order of their names."""
    found: dict[str, Lifecycle[Any, Any]] = {}
    for module in pkgutil.iter_modules(telecom_crm.domain.__path__):
        loaded = importlib.import_module(f"{telecom_crm.domain.__name__}.{module.name}")
        found |= {one.machine: one for one in vars(loaded).values() if isinstance(one, Lifecycle)}
    return tuple(found[name] for name in sorted(found))


def draw(lifecycles: Iterable[Lifecycle[Any, Any]]) -> str:
    """Return the page: of each machine a diagram, and its rows as a table."""
    return "\n".join([_HEAD, *(line for one in lifecycles for line in _section(one))])


def _section(lifecycle: Lifecycle[Any, Any]) -> Iterator[str]:
    yield f"## {lifecycle.machine.replace('_', ' ').capitalize()}"
    yield ""
    yield "```mermaid"
    yield lifecycle.mermaid()
    yield "```"
    yield ""
    yield "| from | command | to | event | needs | posting |"
    yield "|---|---|---|---|---|---|"
    for row in lifecycle.rows:
        sources = ", ".join(source or "–" for source in row.sources)
        command = f"{row.command}, {row.guard}" if row.guard else row.command
        posting = row.posting.replace("_", " ")
        yield f"| {sources} | {command} | {row.target} | {row.event} | {row.needs} | {posting} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(draw(all_lifecycles()))
