"""
Which service gets which adapter: the one module that names both.

A container is made for each operator, resolved whole at the start, so that a wrong setting fails
there, and not used any more. What is heavy is imported where it is chosen: a CRM in memory needs no
SQLAlchemy.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import ZoneInfo

import attrs
from dependency_injector import containers, providers

from telecom_crm.adapters.clock import new_uuid7, utc_now
from telecom_crm.adapters.documents.pdf import TypstDocuments
from telecom_crm.adapters.documents.tables import FileTables
from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.simulator import Callback, SimulatorGateway
from telecom_crm.adapters.gathering.waiting_apart import WaitingApartTill
from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.adapters.messaging.apart import SendingApart
from telecom_crm.adapters.messaging.console import ConsoleMessenger
from telecom_crm.adapters.messaging.http_post import HttpPoster
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.adapters.passwords import Argon2Passwords, TimeCodes
from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.access.self_care import SelfCare
from telecom_crm.application.access.service import Access
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.applying import Applying
from telecom_crm.application.approvals import Approvals
from telecom_crm.application.audit import AuditTrail
from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.desk import CustomerCheck
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.exports import Exports
from telecom_crm.application.imports.service import Imports
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.notifications import Notifications
from telecom_crm.application.operations import Operations
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import (
    Clock,
    EventSink,
    Files,
    Messenger,
    Network,
    NewId,
    Passwords,
    PaymentGateway,
    ReadPhone,
    Series,
    StoreState,
    Till,
    UnitOfWork,
)
from telecom_crm.application.printing import Papers
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.receipts import Receipts
from telecom_crm.application.reports import Reports
from telecom_crm.application.rules import RuleBook, regulations_in
from telecom_crm.application.scans import Scans
from telecom_crm.application.settlements import Settlements
from telecom_crm.application.stream import EventStream
from telecom_crm.application.tickets import Tickets
from telecom_crm.application.users import Users
from telecom_crm.application.webhooks import Webhooks
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.entrypoints.crm import Crm, nothing_to_close, nothing_to_join
from telecom_crm.entrypoints.periods import Periods
from telecom_crm.entrypoints.plugin import made

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from telecom_crm.adapters.postgres.till import PooledConnections

DATA = Path(".telecom-crm")
"""Where files go if nothing else is said, below the working directory."""


class Store(StrEnum):
    """Where an operator's things are kept."""

    MEMORY = "memory"
    POSTGRES = "postgres"


class DoorOptions(TypedDict, total=False):
    """What the doors take; see `Options` for what each means."""

    schema: str
    gateways: Iterable[PaymentGateway | str]
    network: Network | str
    messenger: Messenger | str
    files: Files
    event_sink: EventSink
    clock: Clock
    new_id: NewId
    checks: tuple[CustomerCheck, ...]
    deduplication: DeduplicationRules
    zone: ZoneInfo | str
    currency: str
    country: str
    operator: str
    passwords: Passwords
    webhooks_to_private: bool
    imports_kept_days: int
    pool_low: int
    periods: Periods
    data: Path | str
    pool_size: int
    engine: Engine


def _zone(value: ZoneInfo | str) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise InvalidValue.of("zone", "zone", "a time zone, such as Asia/Bishkek", value) from None


def _path(value: Path | str | None) -> Path | None:
    return None if value is None else Path(value).absolute()


@attrs.frozen(kw_only=True)
class Options:
    """
    One operator's choices; what is None is chosen for them.

    `gateways`, `network` and `messenger` are adapters, or names of them: of built-in ones, or
    `module:factory`. The gateways named are all there are; the simulator, which takes no real
    money, is only there where it is named. `checks` are the operator's own on customers,
    `deduplication` rules in place of the store's. `country` (ISO 3166-1)
    says how phone numbers are dialled. `operator` is what it is called on paper. With
    `webhooks_to_private`, events may be sent to private addresses. `imports_kept_days` is how long
    a file that was brought in is kept once it is done with; `periods` are all others. `pool_low` is
    how many free SIM cards and standard numbers are too few. `data` is a
    directory for files, shared by all processes of the operator. `engine` is one of the host's, in
    place of `url`; it is not closed.
    """

    store: Store
    url: str | None = attrs.field(default=None, repr=False)
    engine: Engine | None = None
    schema: str = "telecom_crm"
    pool_size: int = 8
    gateways: tuple[PaymentGateway | str, ...] = attrs.field(
        default=("cash_desk",), converter=tuple
    )
    network: Network | str = "simulator"
    messenger: Messenger | str = "console"
    files: Files | None = None
    event_sink: EventSink | None = None
    clock: Clock = utc_now
    new_id: NewId = new_uuid7
    checks: tuple[CustomerCheck, ...] = attrs.field(default=(), converter=tuple)
    deduplication: DeduplicationRules | None = None
    zone: ZoneInfo = attrs.field(default=BISHKEK, converter=_zone)
    currency: str = "KGS"
    country: str = "KG"
    operator: str = ""
    passwords: Passwords = attrs.field(factory=Argon2Passwords)
    webhooks_to_private: bool = False
    imports_kept_days: int = attrs.field(default=30, validator=attrs.validators.ge(0))
    pool_low: int = attrs.field(default=100, validator=attrs.validators.ge(0))
    periods: Periods = attrs.field(factory=Periods)
    data: Path | None = attrs.field(default=None, converter=_path)


def build(options: Options) -> Crm:
    """Make every service of one operator; raise what a wrong choice deserves."""
    container = Container(options=options)
    crm = container.crm()
    for gateway in crm.gateways.values():
        if isinstance(gateway, SimulatorGateway) and gateway.listener is None:
            gateway.listener = _hear(crm.payments, gateway.name)
    return crm


# What providers cannot say in a word: heavy imports, and choices that hang on several options.


@attrs.frozen
class _Database:
    """
    The connections of one operator: for number series, for payments, and for everything else.
    """

    engine: Engine
    for_series: Engine
    for_payments: PooledConnections
    lines: int
    """Payments that may keep a connection each while they wait for an account."""
    schema: str
    owned: bool

    @classmethod
    def of(cls, options: Options) -> _Database:
        from telecom_crm.adapters.postgres.engine import checked_schema, open_engine
        from telecom_crm.adapters.postgres.revision import require_current
        from telecom_crm.adapters.postgres.till import PooledConnections

        url = options.url
        if options.engine is not None:
            url = options.engine.url.render_as_string(hide_password=False)
        if url is None:
            raise InvalidValue.of("url", "url", "a PostgreSQL URL, or an engine")
        require_current(url, schema=checked_schema(options.schema))
        series = open_engine(url, schema=options.schema, pool_size=1)
        size = max(2, options.pool_size)
        engine = options.engine or open_engine(url, schema=options.schema, pool_size=size)
        payments = PooledConnections.like(engine)
        lines = max(1, options.pool_size // 2)
        return cls(engine, series, payments, lines, options.schema, options.engine is None)

    def close(self) -> None:
        self.for_series.dispose()
        self.for_payments.close()
        if self.owned:
            self.engine.dispose()


def _postgres_uow(database: _Database) -> UnitOfWork:
    from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork

    return PostgresUnitOfWork(database.engine, schema=database.schema)


def _postgres_till(database: _Database) -> Till:
    from telecom_crm.adapters.postgres.till import PostgresTill

    return WaitingApartTill(PostgresTill(database.for_payments), lines=database.lines)


def _postgres_series(database: _Database) -> Series:
    from telecom_crm.adapters.postgres.series import PostgresSeries

    return PostgresSeries(database.for_series)


def _postgres_join(
    database: _Database,
) -> Callable[[Any], AbstractContextManager[tuple[UnitOfWork, Till]]]:
    from telecom_crm.adapters.postgres.joined import JoinedConnections
    from telecom_crm.adapters.postgres.till import PostgresTill
    from telecom_crm.adapters.postgres.unit_of_work import PostgresUnitOfWork

    @contextmanager
    def join(connection: Any) -> Iterator[tuple[UnitOfWork, Till]]:
        uow = PostgresUnitOfWork(database.engine, schema=database.schema, connection=connection)
        yield uow, PostgresTill(JoinedConnections(uow))

    return join


def _postgres_about(database: _Database) -> Callable[[], StoreState]:
    from telecom_crm.adapters.postgres.about import PostgresAbout

    return PostgresAbout(database.engine, database.schema)


def _postgres_close(database: _Database) -> Callable[[], None]:
    return database.close


def _files(options: Options) -> Files:
    if options.files is not None:
        return options.files
    if options.data is None and options.store is Store.MEMORY:
        return MemoryFiles(new_id=options.new_id)
    return DirectoryFiles((options.data or DATA.absolute()) / "files", new_id=options.new_id)


def _phones(options: Options) -> NationalPhones:
    phones = NationalPhones(options.country)
    phones.check()
    return phones


def _simulator(options: Options, read_phone: ReadPhone) -> SimulatorGateway:
    if options.data is None:
        return SimulatorGateway(secret=secrets.token_hex(32), read_phone=read_phone)
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SimulatorGateway(
        secret=kept_secret(options.data / "simulator-secret"),
        state_file=options.data / "simulator.jsonl",
        read_phone=read_phone,
    )


def kept_secret(path: Path, make: Callable[[], str] = secrets.token_urlsafe) -> str:
    """Return the secret that a file keeps for this user alone, made by whoever comes first."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(make())
        try:
            os.link(fresh, path)  # whole, and never over another's
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text("ascii").strip()


def _gateways(
    asked: Iterable[PaymentGateway | str], built_in: providers.Aggregate[PaymentGateway]
) -> Mapping[str, PaymentGateway]:
    gateways: dict[str, PaymentGateway] = {}
    for one in asked:
        gateway = made("gateways", one, built_in)
        if gateway.name in gateways:
            message = f"two of them have the name {gateway.name}"
            raise InvalidValue.of("gateways", "doubled", message, gateway.name)
        gateways[gateway.name] = gateway
    return gateways


def _hear(payments: Payments, name: str) -> Callable[[Callback], object]:
    return lambda call: payments.hear(gateway=name, body=call.body, headers=call.headers)


class Container(containers.DeclarativeContainer):
    """Every service and adapter of one operator, each made once."""

    options = providers.Dependency(instance_of=Options)
    chosen = options.provided

    memory = providers.Singleton(MemoryStore)
    database = providers.Singleton(_Database.of, options)

    uow = providers.Selector(
        chosen.store,
        memory=providers.Singleton(MemoryUnitOfWork, memory),
        postgres=providers.Singleton(_postgres_uow, database),
    )
    till = providers.Selector(
        chosen.store,
        memory=providers.Singleton(MemoryTill, memory),
        postgres=providers.Singleton(_postgres_till, database),
    )
    series = providers.Selector(
        chosen.store,
        memory=providers.Singleton(MemorySeries, memory),
        postgres=providers.Singleton(_postgres_series, database),
    )
    join = providers.Selector(
        chosen.store,
        memory=providers.Object(nothing_to_join),
        postgres=providers.Singleton(_postgres_join, database),
    )
    closing = providers.Selector(
        chosen.store,
        memory=providers.Object(nothing_to_close),
        postgres=providers.Singleton(_postgres_close, database),
    )

    about_store = providers.Selector(
        chosen.store,
        memory=providers.Object(StoreState),
        postgres=providers.Singleton(_postgres_about, database),
    )

    files = providers.Singleton(_files, options)
    read_phone = providers.Singleton(_phones, options)
    built_in_gateways: providers.Aggregate[Any] = providers.Aggregate(
        cash_desk=providers.Singleton(CashDesk),
        card_terminal=providers.Singleton(
            CashDesk, name="card_terminal", ledger_code=LedgerCode.GATEWAY_CLEARING
        ),
        simulator=providers.Singleton(_simulator, options, read_phone),
    )
    gateways = providers.Singleton(_gateways, chosen.gateways, built_in_gateways.provider)
    built_in_networks = providers.Aggregate(simulator=providers.Singleton(SimulatorNetwork))
    network = providers.Singleton(made, "network", chosen.network, built_in_networks.provider)
    built_in_messengers = providers.Aggregate(console=providers.Singleton(ConsoleMessenger))
    messenger = providers.Singleton(
        made, "messenger", chosen.messenger, built_in_messengers.provider
    )

    customers = providers.Singleton(
        Customers,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        checks=chosen.checks,
        deduplication=chosen.deduplication,
        read_phone=read_phone,
        zone=chosen.zone,
    )
    scans = providers.Singleton(
        Scans,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        files=files,
        zone=chosen.zone,
    )
    intake = providers.Singleton(
        Intake,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        series=series,
        files=files,
        checks=chosen.checks,
        deduplication=chosen.deduplication,
        read_phone=read_phone,
        zone=chosen.zone,
        lease=chosen.periods.claim,
        answer_within=chosen.periods.answer,
        kept_for=chosen.periods.application,
    )
    applying = providers.Singleton(Applying, intake)
    inventory = providers.Singleton(
        Inventory,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        reservation_lasts=chosen.periods.reservation,
        quarantine=chosen.periods.quarantine,
    )
    catalog = providers.Singleton(TariffCatalog, uow=uow, clock=chosen.clock)
    contracts = providers.Singleton(
        Contracts,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        series=series,
        files=files,
        zone=chosen.zone,
        draft_lasts=chosen.periods.draft,
        quarantine=chosen.periods.quarantine,
        checks=chosen.checks,
        deduplication=chosen.deduplication,
        read_phone=read_phone,
    )
    rules = providers.Singleton(RuleBook, uow=uow, clock=chosen.clock, zone=chosen.zone)
    regulations = providers.Singleton(RuleBook.in_force, rules, regulations_in)
    payments = providers.Singleton(
        Payments,
        uow=uow,
        till=till,
        gateways=gateways,
        clock=chosen.clock,
        new_id=chosen.new_id,
        resume_paid=contracts.provided.lift_money_holds,
        regulations=regulations,
        patience=chosen.periods.payment,
    )
    accounts = providers.Singleton(
        Accounts, uow=uow, clock=chosen.clock, new_id=chosen.new_id, series=series
    )
    receipts = providers.Singleton(
        Receipts, uow=uow, clock=chosen.clock, new_id=chosen.new_id, payments=payments
    )
    settlements = providers.Singleton(
        Settlements, uow=uow, gateways=gateways, clock=chosen.clock, new_id=chosen.new_id
    )
    tickets = providers.Singleton(
        Tickets,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        series=series,
        files=files,
        zone=chosen.zone,
    )
    imports = providers.Singleton(
        Imports,
        uow=uow,
        files=files,
        clock=chosen.clock,
        new_id=chosen.new_id,
        series=series,
        zone=chosen.zone,
        currency=chosen.currency,
        checks=chosen.checks,
        deduplication=chosen.deduplication,
        read_phone=read_phone,
        kept_for=providers.Callable(timedelta, days=chosen.imports_kept_days),
    )
    tables = providers.Singleton(FileTables)
    exports = providers.Singleton(
        Exports,
        uow=uow,
        clock=chosen.clock,
        customers=customers,
        tables=tables,
    )
    papers = providers.Singleton(
        Papers,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        payments=payments,
        documents=providers.Singleton(TypstDocuments),
        zone=chosen.zone,
        operator=chosen.operator,
    )
    provisioning = providers.Singleton(
        Provisioning,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        series=series,
        lease=chosen.periods.network,
        zone=chosen.zone,
    )
    notifications = providers.Singleton(
        Notifications,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        wanted_for=chosen.periods.message,
    )
    codes = providers.Singleton(TimeCodes)
    access = providers.Singleton(
        Access,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        passwords=chosen.passwords,
        codes=codes,
    )
    self_care = providers.Singleton(
        SelfCare,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        passwords=chosen.passwords,
        codes=codes,
        messenger=providers.Singleton(SendingApart, messenger),
    )
    users = providers.Singleton(
        Users,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        passwords=chosen.passwords,
        codes=codes,
        issuer=chosen.operator,
    )
    webhooks = providers.Singleton(
        Webhooks,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        sender=providers.Singleton(HttpPoster, to_private=chosen.webhooks_to_private),
    )
    approvals = providers.Singleton(
        Approvals,
        uow=uow,
        clock=chosen.clock,
        new_id=chosen.new_id,
        payments=payments,
        accounts=accounts,
        customers=customers,
    )
    events = providers.Singleton(EventStream, uow=uow)
    reports = providers.Singleton(
        Reports,
        uow=uow,
        clock=chosen.clock,
        zone=chosen.zone,
        currency=chosen.currency,
        pool_low=chosen.pool_low,
        patience=chosen.periods.payment,
    )
    audit = providers.Singleton(AuditTrail, uow=uow, clock=chosen.clock, tables=tables)

    crm = providers.Singleton(
        Crm,
        customers=customers,
        scans=scans,
        intake=intake,
        applying=applying,
        inventory=inventory,
        catalog=catalog,
        contracts=contracts,
        payments=payments,
        accounts=accounts,
        operations=providers.Singleton(Operations, uow=uow),
        receipts=receipts,
        settlements=settlements,
        tickets=tickets,
        imports=imports,
        exports=exports,
        papers=papers,
        provisioning=provisioning,
        notifications=notifications,
        access=access,
        self_care=self_care,
        users=users,
        webhooks=webhooks,
        approvals=approvals,
        rules=rules,
        events=events,
        reports=reports,
        audit=audit,
        uow=uow,
        network=network,
        messenger=messenger,
        files=files,
        read_phone=read_phone,
        event_sink=chosen.event_sink,
        clock=chosen.clock,
        new_id=chosen.new_id,
        zone=chosen.zone,
        currency=chosen.currency,
        periods=chosen.periods,
        imports_kept=providers.Callable(timedelta, days=chosen.imports_kept_days),
        about_store=about_store,
        join=join,
        close=closing,
    )
