"""The queue of applications and those who work on them, up to an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from telecom_crm.application.intake.desk import IntakeDesk, has_active_contract, held
from telecom_crm.application.retry import retried
from telecom_crm.domain.application import Application, ApplicationCommand
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import ApplicationId, ContractId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event


@attrs.frozen
class Question:
    """What an applicant was asked for: in words, and the fields to be put right."""

    reason: str = ""
    fields: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event) -> Question:
        """Read the event of asking."""
        return cls(event.reason, tuple(event.payload.get("fields", ())))


@attrs.frozen
class Working(IntakeDesk):
    """Applications, from waiting for somebody to done or not."""

    @retried
    def claim_next(
        self, *, lease: timedelta | None = None, by: Actor = SYSTEM
    ) -> Application | None:
        """Give an operator the most urgent application that waits, of those the oldest, if any."""
        at = self.clock()
        with self.uow() as tx:
            waiting = tx.applications.next_waiting()
            if waiting is None:
                return None
            until = at + (lease or self.lease)
            return tx.applications.save(waiting.claim(until=until, by=by, at=at))

    @retried
    def claim(
        self,
        application_id: ApplicationId,
        *,
        lease: timedelta | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Give an operator one application that waits."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.claim(until=at + (lease or self.lease), by=by, at=at),
        )

    @retried
    def unclaim(
        self,
        application_id: ApplicationId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Put a claimed application back into the queue."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.unclaim(reason=reason, by=by, at=at),
        )

    @retried
    def hold(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Wait for something outside; no lease runs. `RuleViolated` but for whoever claimed it."""
        return self._change(
            application_id, expected_version, lambda one, at: one.hold(reason=reason, by=by, at=at)
        )

    @retried
    def release(
        self,
        application_id: ApplicationId,
        *,
        lease: timedelta | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Go on with an application that was on hold, with a new lease."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.release(until=at + (lease or self.lease), by=by, at=at),
        )

    @retried
    def ask(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        fields: Sequence[str] = (),
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Ask the applicant for what is missing; unanswered for long, the application ends.

        `fields` are what is to be put right: see `CORRECTABLE_FIELDS`.
        """

        def step(one: Application, at: datetime) -> Application:
            until = at + self.answer_within
            return one.ask(reason=reason, fields=fields, until=until, by=by, at=at)

        return self._change(application_id, expected_version, step)

    def question(self, application_id: ApplicationId) -> Question:
        """Return what the applicant was asked for last."""
        events = reversed(self.timeline(application_id))
        asked = next((one for one in events if one.command == ApplicationCommand.ASK), None)
        return Question() if asked is None else Question.of(asked)

    @retried
    def reject(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Turn a request down."""
        return self._change(
            application_id,
            expected_version,
            lambda one, at: one.reject(reason=reason, by=by, at=at),
        )

    @retried
    def complete(
        self,
        application_id: ApplicationId,
        *,
        contract_id: ContractId | None = None,
        outcome: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """
        Say that what was asked for is done.

        With a contract, the application becomes its customer's; raise `RuleViolated` where it is
        another customer's already, and for anybody but whoever claimed it.
        """
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            if contract_id is not None:
                owner = tx.contracts.get(contract_id).customer_id
                application = _of_customer(application, owner, by=by, at=at)
            return tx.applications.save(
                application.complete(contract_id=contract_id, outcome=outcome, by=by, at=at)
            )

    @retried
    def fail(
        self,
        application_id: ApplicationId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Give up: it could not be done. `RuleViolated` but for whoever claimed it."""
        return self._change(
            application_id, expected_version, lambda one, at: one.fail(reason=reason, by=by, at=at)
        )

    @retried
    def cancel(
        self,
        application_id: ApplicationId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Application:
        """Withdraw a request whose contract is not active."""
        at = self.clock()
        with self.uow() as tx:
            application = held(tx, application_id, expected_version)
            active = has_active_contract(tx, application)
            return tx.applications.save(
                application.cancel(contract_active=active, reason=reason, by=by, at=at)
            )


def _of_customer(
    application: Application, owner: CustomerId, *, by: Actor, at: datetime
) -> Application:
    """Return the application as that customer's; raise `RuleViolated` if it is another's."""
    if application.customer_id is None:
        return application.link(customer_id=owner, by=by, at=at)
    if application.customer_id != owner:
        raise RuleViolated("application_customer", ("the contract is another customer's",))
    return application
