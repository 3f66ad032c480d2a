"""
A telecom operator's back office, as a library: customers, SIMs, contracts, money and tickets.

    >>> import telecom_crm
    >>> crm = telecom_crm.in_memory()

Three doors open it: `in_memory`, `open` on a PostgreSQL that is there, and `open_embedded` on one
of its own. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from telecom_crm.application.ports import Payer as Payer
    from telecom_crm.application.ports import Query as Query
    from telecom_crm.domain.customer import IdentityDocument as IdentityDocument
    from telecom_crm.domain.errors import Conflict as Conflict
    from telecom_crm.domain.errors import IllegalTransition as IllegalTransition
    from telecom_crm.domain.errors import InvalidValue as InvalidValue
    from telecom_crm.domain.errors import KeyReused as KeyReused
    from telecom_crm.domain.errors import NotFound as NotFound
    from telecom_crm.domain.errors import NotPermitted as NotPermitted
    from telecom_crm.domain.errors import RuleViolated as RuleViolated
    from telecom_crm.domain.errors import SchemaOutdated as SchemaOutdated
    from telecom_crm.domain.errors import StaleVersion as StaleVersion
    from telecom_crm.domain.errors import TelecomCrmError as TelecomCrmError
    from telecom_crm.domain.errors import Unavailable as Unavailable
    from telecom_crm.domain.identifiers import ICCID as ICCID
    from telecom_crm.domain.identifiers import IMSI as IMSI
    from telecom_crm.domain.identifiers import MSISDN as MSISDN
    from telecom_crm.domain.lifecycle import Actor as Actor
    from telecom_crm.domain.lifecycle import Event as Event
    from telecom_crm.domain.money import Money as Money
    from telecom_crm.domain.payment import PaymentMethod as PaymentMethod
    from telecom_crm.entrypoints.container import DoorOptions
    from telecom_crm.entrypoints.crm import Crm as Crm

_PLACES = {
    "Actor": "domain.lifecycle",
    "Conflict": "domain.errors",
    "Crm": "entrypoints.crm",
    "Event": "domain.lifecycle",
    "ICCID": "domain.identifiers",
    "IMSI": "domain.identifiers",
    "IdentityDocument": "domain.customer",
    "IllegalTransition": "domain.errors",
    "InvalidValue": "domain.errors",
    "KeyReused": "domain.errors",
    "MSISDN": "domain.identifiers",
    "Money": "domain.money",
    "NotFound": "domain.errors",
    "NotPermitted": "domain.errors",
    "Payer": "application.ports",
    "PaymentMethod": "domain.payment",
    "Query": "application.ports",
    "RuleViolated": "domain.errors",
    "SchemaOutdated": "domain.errors",
    "StaleVersion": "domain.errors",
    "TelecomCrmError": "domain.errors",
    "Unavailable": "domain.errors",
}
"""Stable names, and where they are loaded from when they are first asked for."""

__all__ = ["in_memory", "open", "open_embedded", *_PLACES]  # noqa: PLE0604  # all of them are texts


def in_memory(**options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM that lives as long as this process: for tests, and for trying things out.

    Options are those of `telecom_crm.entrypoints.container.Options`, such as `clock`, `new_id`,
    `gateways`, `network`, `messenger`, `files`, `event_sink`, `zone` and `currency`. Of gateways
    there is the cash desk where none are named; `"simulator"` is one to try things out with.
    """
    from telecom_crm.entrypoints import doors

    return doors.in_memory(**options)


def open(url: str, **options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM on a PostgreSQL 15 or later, such as `postgresql://user:secret@host/database`.

    Never migrates: raise `SchemaOutdated`, which names the command, where the schema (option
    `schema`) is not the one that this version needs, `Unavailable` where the database cannot be
    reached, and `NotInstalled` without the extra `postgres`.
    Further options: those of `in_memory`, `data` (a directory for files), `pool_size`, `engine`.
    """
    from telecom_crm.entrypoints import doors

    return doors.open(url, **options)


def open_embedded(directory: str | Path, **options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM on a PostgreSQL of its own below a directory, started there or joined where it runs.

    Makes the database and migrates it. Whoever closes last stops the server. Raise
    `EmbeddedPostgresFailed`, and `NotInstalled` without the extra `embedded`.
    """
    from telecom_crm.entrypoints import doors

    return doors.open_embedded(directory, **options)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
