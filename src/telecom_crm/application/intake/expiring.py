"""What time does to applications: leases that are over, answers that did not come, erasure."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import attrs

from telecom_crm.application.intake.desk import IntakeDesk, has_active_contract
from telecom_crm.application.paging import each_swept
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.application import APPLICATION_LIFECYCLE, ApplicationCommand
from telecom_crm.domain.identifiers import ApplicationId
from telecom_crm.domain.lifecycle import SYSTEM, Actor

UNANSWERED = "no answer in time"
"""Why an application is cancelled whose applicant was asked and said nothing."""


@attrs.frozen
class Expiring(IntakeDesk):
    """Applications, as the worker goes over them."""

    def expire_leases(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Put applications whose lease is over back into the queue, in batches of `limit`; return
        how many.
        """
        now = self.clock()
        over = each_swept(
            self.uow, lambda tx, at: tx.applications.leases_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._expire, one.id, by) for one in over)

    def end_unanswered(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Cancel applications whose applicant did not answer in time, in batches of `limit`; return
        how many.
        """
        now = self.clock()
        over = each_swept(
            self.uow, lambda tx, at: tx.applications.answers_over(now, limit=limit, cursor=at)
        )
        return each_alone(partial(self._end_unanswered, one.id, by) for one in over)

    def erase_ended(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Erase who asked and what for in applications that ended long ago and are no customer's, in
        batches of `limit`; return how many. With a customer, they are erased when the customer is.
        """
        before = self.clock() - self.kept_for
        over = each_swept(
            self.uow,
            lambda tx, at: tx.applications.ended_for_nobody(before, limit=limit, cursor=at),
        )
        return each_alone(partial(self._erase_one, one.id, by) for one in over)

    @retried
    def _expire(self, application_id: ApplicationId, by: Actor) -> bool:
        at = self.clock()
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            # Between the list and here, somebody may have finished or renewed it.
            if not APPLICATION_LIFECYCLE.can(one, ApplicationCommand.LEASE_EXPIRE):
                return False
            if one.claimed_until is not None and at < one.claimed_until:
                return False
            tx.applications.save(one.lease_expire(by=by, at=at))
            return True

    @retried
    def _end_unanswered(self, application_id: ApplicationId, by: Actor) -> bool:
        at = self.clock()
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            if one.answer_by is None or at < one.answer_by:  # answered since it was listed
                return False
            active = has_active_contract(tx, one)
            ended = one.cancel(contract_active=active, reason=UNANSWERED, by=by, at=at)
            tx.applications.save(ended)
            return True

    @retried
    def _erase_one(self, application_id: ApplicationId, by: Actor) -> bool:
        """Tell whether it was erased here, and not by another worker before."""
        with self.uow() as tx:
            one = tx.applications.get(application_id)
            if one.erased_at is not None:
                return False
            tx.discarded_files.add(UUID(scan.file_id) for scan in one.scans)
            tx.applications.save(one.erase(by=by, at=self.clock()))
            return True
