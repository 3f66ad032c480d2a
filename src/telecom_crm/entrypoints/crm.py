"""The library's face: every service of one operator, and what a program does with them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.access.self_care import SelfCare
from telecom_crm.application.access.service import Access
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.applying import Applying
from telecom_crm.application.approvals import Approvals
from telecom_crm.application.audit import AuditTrail
from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.discarding import delete_discarded
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
    LedgerDifference,
    Messenger,
    Network,
    NewId,
    PaymentGateway,
    ReadPhone,
    StoreState,
    Till,
    UnitOfWork,
)
from telecom_crm.application.printing import Papers
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.receipts import Receipts
from telecom_crm.application.reports import Reports
from telecom_crm.application.rules import RuleBook
from telecom_crm.application.scans import Scans
from telecom_crm.application.settlements import Settlements
from telecom_crm.application.stream import EventStream
from telecom_crm.application.tickets import Tickets
from telecom_crm.application.users import Users
from telecom_crm.application.webhooks import Webhooks
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.entrypoints.periods import Periods

SINK = "event_sink"
"""The name under which the stream of events remembers how far an embedder's sink came."""

Join = Callable[[Any], AbstractContextManager[tuple[UnitOfWork, Till]]]
"""Opens a unit of work and a till inside somebody else's database transaction."""


def nothing_to_join(_: Any) -> AbstractContextManager[tuple[UnitOfWork, Till]]:
    """Refuse: there is no transaction to be inside of."""
    raise RuleViolated("transaction", ("a store in memory has no database transaction to join",))


def nothing_to_close() -> None:
    """Nothing to close."""


@attrs.frozen(kw_only=True)
class Crm:
    """
    One operator's CRM. Serves all threads; several fit in one process, and share nothing.

    `telecom_crm.in_memory`, `open` and `open_embedded` make one.
    """

    customers: Customers
    scans: Scans
    intake: Intake
    applying: Applying
    inventory: Inventory
    catalog: TariffCatalog
    contracts: Contracts
    payments: Payments
    accounts: Accounts
    operations: Operations
    receipts: Receipts
    settlements: Settlements
    tickets: Tickets
    imports: Imports
    exports: Exports
    papers: Papers
    provisioning: Provisioning
    notifications: Notifications
    access: Access
    self_care: SelfCare
    users: Users
    webhooks: Webhooks
    approvals: Approvals
    rules: RuleBook
    events: EventStream
    reports: Reports
    audit: AuditTrail

    uow: UnitOfWork = attrs.field(repr=False)
    network: Network = attrs.field(repr=False)
    messenger: Messenger = attrs.field(repr=False)
    files: Files = attrs.field(repr=False)
    read_phone: ReadPhone = attrs.field(repr=False)
    """Reads a phone number as people of the operator's country write it."""
    event_sink: EventSink | None = attrs.field(default=None, repr=False)
    clock: Clock = attrs.field(repr=False)
    new_id: NewId = attrs.field(repr=False)
    zone: ZoneInfo
    """Where the operator's days begin."""
    currency: str
    """The operator's own currency."""
    periods: Periods
    """How long what waits or is kept does so."""
    imports_kept: timedelta
    """How long a file that was brought in is kept once it is done with."""
    about_store: Callable[[], StoreState] = attrs.field(default=StoreState, repr=False)
    """Asks the store about itself; raises `Unavailable`."""
    _join: Join = attrs.field(default=nothing_to_join, repr=False)
    _close: Callable[[], None] = attrs.field(default=nothing_to_close, repr=False)

    @property
    def gateways(self) -> Mapping[str, PaymentGateway]:
        """The payment gateways by name."""
        return self.payments.gateways

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[Crm]:
        """
        Give a CRM whose every change is part of the transaction that `connection` is in.

        `connection` is SQLAlchemy's or psycopg's, to the CRM's database; whoever began its
        transaction commits or takes back all of it. Each command is a savepoint: one that fails
        undoes only itself. Human numbers (C-00000042) are taken outside of it and may have gaps.
        A gateway's answer cannot be taken back: inside, take only money that is in hand. Raise
        `RuleViolated` for a CRM in memory.
        """
        with self._join(connection) as (uow, till):
            yield self._in(uow, till)

    def work(self, *, limit: int = 100) -> int:
        """
        Do once what the worker does all the time, in batches of `limit`; return how much it was.

        Queues give one batch. Sweeps over what may have to wait go through all of it, so that what
        cannot get on keeps nothing behind it from its turn.

        A step that fails does not keep the others from their work; its exception comes after them.
        """
        done = 0
        failures: list[Exception] = []
        for name in STEPS:
            try:
                done += self.step(name, limit=limit)
            except Exception as failure:  # noqa: BLE001  # raised below, once the others are done
                failures.append(failure)
        if failures:
            raise failures[0]
        return done

    def step(self, name: str, *, limit: int = 100) -> int:
        """Do one of the `STEPS` once, and return how much of it there was to do."""
        return STEPS[name](self, limit)

    def verify_ledger(self) -> tuple[LedgerDifference, ...]:
        """Recompute every account's counters from the journal; what differs is a defect."""
        with self.uow(read_only=True) as tx:
            return tuple(tx.ledger.differences())

    def check_ready(self) -> None:
        """Ask the store a small thing; raise `Unavailable` where it is away."""
        with self.uow(read_only=True) as tx:
            tx.rules.get("ready")

    def close(self) -> None:
        """Let go of connections and of an embedded server; again is no change."""
        self._close()

    def __enter__(self) -> Crm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _in(self, uow: UnitOfWork, till: Till) -> Crm:
        contracts = attrs.evolve(self.contracts, uow=uow)
        intake = attrs.evolve(self.intake, uow=uow)
        customers = attrs.evolve(self.customers, uow=uow)
        payments = attrs.evolve(
            self.payments, uow=uow, till=till, resume_paid=contracts.lift_money_holds
        )
        accounts = attrs.evolve(self.accounts, uow=uow)
        return attrs.evolve(
            self,
            uow=uow,
            approvals=attrs.evolve(
                self.approvals, uow=uow, payments=payments, accounts=accounts, customers=customers
            ),
            contracts=contracts,
            payments=payments,
            receipts=attrs.evolve(self.receipts, uow=uow, payments=payments),
            customers=customers,
            scans=attrs.evolve(self.scans, uow=uow),
            exports=attrs.evolve(self.exports, uow=uow, customers=customers),
            papers=attrs.evolve(self.papers, uow=uow, payments=payments),
            intake=intake,
            applying=Applying(intake),
            inventory=attrs.evolve(self.inventory, uow=uow),
            catalog=attrs.evolve(self.catalog, uow=uow),
            accounts=accounts,
            operations=Operations(uow),
            settlements=attrs.evolve(self.settlements, uow=uow),
            tickets=attrs.evolve(self.tickets, uow=uow),
            imports=attrs.evolve(self.imports, uow=uow),
            provisioning=attrs.evolve(self.provisioning, uow=uow),
            notifications=attrs.evolve(self.notifications, uow=uow),
            access=attrs.evolve(self.access, uow=uow),
            self_care=attrs.evolve(self.self_care, uow=uow),
            users=attrs.evolve(self.users, uow=uow),
            webhooks=attrs.evolve(self.webhooks, uow=uow),
            rules=attrs.evolve(self.rules, uow=uow),
            events=attrs.evolve(self.events, uow=uow),
            reports=attrs.evolve(self.reports, uow=uow),
            audit=attrs.evolve(self.audit, uow=uow),
            close=nothing_to_close,
        )


Step = Callable[[Crm, int], int]


def _deliver_events(crm: Crm, limit: int) -> int:
    if crm.event_sink is None:
        return 0
    return crm.events.deliver(crm.event_sink, consumer=SINK, limit=limit)


STEPS: Mapping[str, Step] = MappingProxyType(
    {
        "expire_reservations": lambda crm, n: crm.inventory.expire_reservations(limit=n),
        "recycle_numbers": lambda crm, n: crm.inventory.recycle_due(limit=n),
        "expire_leases": lambda crm, n: crm.intake.expire_leases(limit=n),
        "end_unanswered": lambda crm, n: crm.intake.end_unanswered(limit=n),
        "erase_applications": lambda crm, n: crm.intake.erase_ended(limit=n),
        "delete_files": lambda crm, n: delete_discarded(crm.uow, crm.files, limit=n),
        "run_imports": lambda crm, n: crm.imports.work(limit=n),
        "erase_import_files": lambda crm, n: crm.imports.erase_files(limit=n),
        "request_activations": lambda crm, n: crm.contracts.activate_due(limit=n),
        "begin_amendments": lambda crm, n: crm.contracts.take_due_effect(limit=n),
        "repair_payments": lambda crm, n: crm.payments.repair(limit=n),
        "carry_out_approvals": lambda crm, n: crm.approvals.carry_out(limit=n),
        "renew_promises": lambda crm, n: crm.tickets.renew_promises(limit=n),
        "end_promises": lambda crm, n: crm.accounts.end_promises(limit=n),
        "suspend_overdrawn": lambda crm, n: crm.contracts.suspend_all_overdrawn(limit=n),
        "lift_money_holds": lambda crm, n: crm.contracts.lift_all_money_holds(limit=n),
        "provision": lambda crm, n: crm.provisioning.work(network=crm.network, limit=n).total,
        "write_messages": lambda crm, n: crm.notifications.queue_new(limit=n),
        "send_messages": lambda crm, n: crm.notifications.deliver(crm.messenger, limit=n),
        "forget_sessions": lambda crm, n: crm.users.forget_sessions(limit=n),
        "forget_attempts": lambda crm, n: crm.access.forget_attempts(limit=n),
        "deliver_events": _deliver_events,
        "deliver_webhooks": lambda crm, n: crm.webhooks.deliver(limit=n),
        "keep_figures": lambda crm, _: crm.reports.keep(),
        "seal_audit": lambda crm, _: crm.audit.seal(),
    }
)
"""Everything that is done without anybody asking, in an order in which one step feeds the next."""


def month_of(crm: Crm, at: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the operator's month that an instant lies in."""
    local = at.astimezone(crm.zone)
    start = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start, after
