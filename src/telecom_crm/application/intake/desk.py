"""What every command about applications stands on: its ports, and what several do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.customers.desk import CustomerCheck
from telecom_crm.application.paging import refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Files,
    NewId,
    ReadPhone,
    Series,
    Transaction,
    UnitOfWork,
)
from telecom_crm.domain.application import Application
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, ContractCommand
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.identifiers import MSISDN, ApplicationId
from telecom_crm.domain.lifecycle import Event


@attrs.frozen
class IntakeDesk:
    """Where applications are: the ports, and the operator's own terms."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    files: Files
    """Where scans are."""
    lease: timedelta = timedelta(minutes=15)
    """How long an operator has a claimed application before it goes back into the queue."""
    answer_within: timedelta = timedelta(days=30)
    """How long an applicant has to answer what was asked."""
    kept_for: timedelta = timedelta(days=90)
    """How long one that ended without a customer keeps who asked and what for."""
    checks: tuple[CustomerCheck, ...] = ()
    """An operator's own checks of the person who asks, beside the store's validation rules."""
    deduplication: DeduplicationRules | None = None
    """Rules in place of those that the store holds."""
    read_phone: ReadPhone = MSISDN
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""

    def get(self, application_id: ApplicationId) -> Application:
        """Return an application; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.applications.get(application_id)

    def timeline(self, application_id: ApplicationId) -> list[Event]:
        """Return what happened to an application, oldest first."""
        with self.uow(read_only=True) as tx:
            tx.applications.get(application_id)
            return tx.events.of("application", str(application_id))

    def _change(
        self,
        application_id: ApplicationId,
        expected_version: int | None,
        change: Callable[[Application, datetime], Application],
    ) -> Application:
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            return tx.applications.save(change(application, at))


def held(
    tx: Transaction, application_id: ApplicationId, expected_version: int | None
) -> Application:
    """Read an application to change it, held; raise `StaleVersion`."""
    application = tx.applications.get(application_id)
    refuse_stale(application, expected_version, name="application")
    return application


def has_active_contract(tx: Transaction, application: Application) -> bool:
    """Tell whether the contract that an application is about is active."""
    if application.contract_id is None:
        return False
    contract = tx.contracts.get(application.contract_id)
    # What the network serves can be suspended, for whatever reason; what it does not, cannot.
    return CONTRACT_LIFECYCLE.can(contract, ContractCommand.SUSPEND)
