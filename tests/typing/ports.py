"""Proof that each adapter fits its port: read by the type checker, never run."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from telecom_crm.adapters.clock import ManualClock, new_uuid7, utc_now
from telecom_crm.adapters.documents.pdf import TypstDocuments
from telecom_crm.adapters.documents.tables import FileTables
from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.gathering.batches import GatheringTill
from telecom_crm.adapters.gathering.waiting_apart import WaitingApartTill
from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.adapters.messaging.console import ConsoleMessenger
from telecom_crm.adapters.messaging.http_post import HttpPoster
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.adapters.postgres.series import PostgresSeries
from telecom_crm.adapters.postgres.till import PooledConnections, PostgresTill
from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork
from telecom_crm.application.ports import (
    Clock,
    Documents,
    Files,
    HookSender,
    Messenger,
    Network,
    NewId,
    PaymentGateway,
    Series,
    Tables,
    Till,
    UnitOfWork,
)


def units_of_work(engine: Engine) -> list[UnitOfWork]:
    return [MemoryUnitOfWork(), PostgresUnitOfWork(engine)]


def tills(engine: Engine, store: MemoryStore) -> list[Till]:
    postgres = PostgresTill(PooledConnections.like(engine))
    return [MemoryTill(store), postgres, GatheringTill(postgres), WaitingApartTill(postgres)]


def all_series(engine: Engine, store: MemoryStore) -> list[Series]:
    return [MemorySeries(store), PostgresSeries(engine)]


def gateways() -> list[PaymentGateway]:
    return [CashDesk(), SimulatorGateway(secret="secret")]


def networks() -> list[Network]:
    return [SimulatorNetwork()]


def files(directory: Path) -> list[Files]:
    return [MemoryFiles(new_id=new_uuid7), DirectoryFiles(directory, new_id=new_uuid7)]


def documents() -> list[Documents]:
    return [TypstDocuments()]


def tables() -> list[Tables]:
    return [FileTables()]


def messengers() -> list[Messenger]:
    return [ConsoleMessenger()]


def senders() -> list[HookSender]:
    return [HttpPoster()]


def clocks(manual: ManualClock) -> list[Clock]:
    return [utc_now, manual]


def ids() -> list[NewId]:
    return [new_uuid7]
