"""Who asks: read, compared with the customers there are, and linked to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from telecom_crm.application.applicants import Applicants, Findings, plain
from telecom_crm.application.customers.profiles import exact_of, save_new, welcome_back
from telecom_crm.application.intake.desk import IntakeDesk, held
from telecom_crm.application.ports import AuditRecord
from telecom_crm.application.retry import retried
from telecom_crm.domain.application import APPLICATION_LIFECYCLE, Application, ApplicationCommand
from telecom_crm.domain.deduplication import Suspicion
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ApplicationId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor


@attrs.frozen
class Identifying(IntakeDesk):
    """Applications, as far as it is about whose they are."""

    @retried
    def validate(
        self,
        application_id: ApplicationId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Read who asks and look for duplicates; a customer who is surely the same is linked.

        A closed one is reopened. Raise `InvalidValue` with every fault: the application stays
        captured, to be asked about or rejected.
        """
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            # Refuse before reading: what is wrong with the state is not the input's fault.
            APPLICATION_LIFECYCLE.row(application.status, ApplicationCommand.VALIDATE)
            if application.customer_id is not None:
                return tx.applications.save(
                    application.validate(data=application.raw, by=by, at=at)
                )
            person, suspects = self._applicants.read(tx, application.raw, by=by, at=at)
            if known := exact_of(tx, suspects):
                welcome_back(tx, known, by=by, at=at)
            data = {**application.raw, **plain(person)}
            if "full_name" in data:
                data.pop("name", None)
            return tx.applications.save(
                application.validate(data=data, duplicates=suspects, by=by, at=at)
            )

    def check(self, raw: Mapping[str, Any]) -> Findings:
        """Tell what validation would find in a request as it came; nothing is changed."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            try:
                person, suspects = self._applicants.read(tx, raw, by=SYSTEM, at=at)
            except InvalidValue as error:
                return Findings(faults=error.faults)
        paper = person.documents[0] if person.documents else None
        return Findings(suspects=suspects, document_until=paper.valid_until if paper else None)

    @retried
    def register(
        self,
        application_id: ApplicationId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Take up who asks as a customer, or find who they surely are, and link the two.

        With a customer it is no change. Raise `RuleViolated` until it is validated.
        """
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            application.refuse_unread()
            if application.customer_id is not None:
                return application
            person, suspects = self._applicants.read(tx, application.data, by=by, at=at)
            known = exact_of(tx, suspects)
            if known is None:
                customer = save_new(tx, person)
            else:
                customer = welcome_back(tx, known, by=by, at=at)
            return tx.applications.save(application.link(customer_id=customer.id, by=by, at=at))

    @retried
    def link(
        self,
        application_id: ApplicationId,
        *,
        customer_id: CustomerId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Say which customer's request this is."""
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            tx.customers.get(customer_id).refuse_merged()
            return tx.applications.save(application.link(customer_id=customer_id, by=by, at=at))

    @retried
    def dismiss_duplicate(
        self,
        application_id: ApplicationId,
        *,
        customer_id: CustomerId,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Say that a suspected customer is somebody else."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.dismiss_duplicate(customer_id=customer_id, by=by, at=at),
        )

    def duplicates(self, application_id: ApplicationId) -> tuple[Suspicion, ...]:
        """Return customers suspected at validation, and neither linked nor dismissed since."""
        return self.get(application_id).suspicions

    @retried
    def look_at(self, application_id: ApplicationId, *, by: Actor = SYSTEM) -> Application:
        """Return an application to somebody who sees its secret numbers, which is written down."""
        look = AuditRecord(
            action="application.identity",
            thing="application",
            thing_id=str(application_id),
            by=by,
            at=self.clock(),
        )
        with self.uow() as tx:
            application = tx.applications.get(application_id)
            tx.audit.record(look)
            return application

    @property
    def _applicants(self) -> Applicants:
        return Applicants(
            new_id=self.new_id,
            read_phone=self.read_phone,
            zone=self.zone,
            checks=self.checks,
            deduplication=self.deduplication,
        )
