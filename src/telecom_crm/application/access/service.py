"""Access: who comes in, by a token or by signing in, and what they may do."""

from __future__ import annotations

from datetime import datetime

import attrs

from telecom_crm.application.access.desk import SESSION_PREFIX
from telecom_crm.application.access.signing_in import SignInDesk
from telecom_crm.application.access.tokens import TokenDesk
from telecom_crm.application.ports import AuditRecord, Page, Query
from telecom_crm.domain.errors import NotPermitted
from telecom_crm.domain.role import Action, Area, Visitor


@attrs.frozen
class Access(TokenDesk, SignInDesk):
    """Who may come in, and what they may do."""

    def visitor(self, secret: str) -> Visitor | None:
        """Return who comes with a secret, of a token or a session; None where it opens nothing."""
        whose = self.person if secret.startswith(SESSION_PREFIX) else self._bearer
        found = whose(secret)
        return None if found is None else found[1]

    def permit(
        self, visitor: Visitor, area: Area, action: Action, *, thing: str, thing_id: str = ""
    ) -> None:
        """Let somebody act in an area, or raise `NotPermitted` and write the refusal down."""
        try:
            visitor.rights.require(area, action)
        except NotPermitted as refusal:
            self.record(
                f"refused {action} {area}",
                thing=thing,
                thing_id=thing_id,
                detail=f"{refusal.code}: {visitor.role}",
                by=visitor.actor,
            )
            raise

    def audit(
        self, query: Query, *, since: datetime | None = None, until: datetime | None = None
    ) -> Page[AuditRecord]:
        """
        Return a page of refusals and of who took secrets, papers and files, as written.

        `since` and `until`, which is left out, are when it happened.
        """
        with self.uow(read_only=True) as tx:
            return tx.audit.page(query, since=since, until=until)
