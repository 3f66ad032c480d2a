"""Human numbers for a whole run, taken many at once and used up before more are taken."""

from __future__ import annotations

from collections import deque

import attrs

from telecom_crm.application.ports import Series
from telecom_crm.application.sale import account_number, contract_number


@attrs.define
class Numbering:
    """
    A stock of numbers for contracts and accounts.

    It is filled outside of transactions. A dry run takes none: there all numbers are zero.
    """

    series: Series
    dry_run: bool = False
    _contracts: deque[int] = attrs.field(factory=deque, init=False)
    _accounts: deque[int] = attrs.field(factory=deque, init=False)

    def fill(self, count: int) -> None:
        """Take numbers until there are enough for so many contracts."""
        if self.dry_run:
            return
        for name, left in (("contract", self._contracts), ("account", self._accounts)):
            if count > len(left):
                left.extend(self.series.take(name, count - len(left)))

    def contract(self) -> str:
        """Return the next contract's number."""
        return contract_number(0 if self.dry_run else self._contracts.popleft())

    def account(self) -> str:
        """Return the next account's number."""
        return account_number(0 if self.dry_run else self._accounts.popleft())
