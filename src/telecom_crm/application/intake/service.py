"""Applications: taking requests in, checking them, and the queue of those who work on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from telecom_crm.application.intake.capturing import Capturing
from telecom_crm.application.intake.expiring import Expiring
from telecom_crm.application.intake.identifying import Identifying
from telecom_crm.application.intake.working import Working
from telecom_crm.application.paging import counts_of, each_of
from telecom_crm.application.ports import NO_FILTERS, Page, Query
from telecom_crm.domain.application import Application
from telecom_crm.domain.text import read_text


@attrs.frozen
class Intake(Capturing, Identifying, Working, Expiring):
    """What people ask for, from capture to an outcome."""

    def page(self, query: Query) -> Page[Application]:
        """Return a page of the applications."""
        with self.uow(read_only=True) as tx:
            return tx.applications.page(query)

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the applications that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.applications, wheres, most=most)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Application]:
        """
        Find by number, words of the name, or the phone or its end, the latest first.

        `where` are filters as in `page`: what they leave out takes no other's place.
        """
        words = read_text(text, field="text", limit=200)
        with self.uow(read_only=True) as tx:
            return tx.applications.search(words, where=where, limit=limit)

    def each(self, **where: str) -> Iterator[Application]:
        """Go through the applications, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.applications, where)
