"""What a store offers to be proved: the ports that share its data."""

from __future__ import annotations

import attrs

from telecom_crm.application.ports import Series, Till, UnitOfWork


@attrs.frozen(kw_only=True)
class Store:
    """Transactions, the till and the human numbers of one store, all over the same data."""

    uow: UnitOfWork
    till: Till
    series: Series
