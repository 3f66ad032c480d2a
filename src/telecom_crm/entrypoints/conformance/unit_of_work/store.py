"""What a part of the suite is given."""

from __future__ import annotations

from telecom_crm.application.ports import UnitOfWork


class StoreSuite:
    """Tests of a store, which a subclass makes."""

    def make(self) -> UnitOfWork:
        """Return the transactions of an empty store."""
        raise NotImplementedError
