"""The operator's own desks: the money is there before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

from telecom_crm.application.ports import GatewayAnswer, GatewayNotice, Outcome
from telecom_crm.domain.errors import NotPermitted
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.refund import Refund


class CashDesk:
    """
    A gateway that always has the money; its reference is our own id.

    What is taken in cash is in its till (1020). A card terminal beside it is another one: its money
    comes by the bank, and is in clearing (1030) until then.
    """

    def __init__(
        self, *, name: str = "cash_desk", ledger_code: LedgerCode = LedgerCode.CASH_DESK
    ) -> None:
        self._name, self._ledger_code = name, ledger_code

    @property
    def name(self) -> str:
        return self._name

    @property
    def ledger_code(self) -> LedgerCode:
        return self._ledger_code

    @property
    def takes_at_once(self) -> bool:
        return True

    def charge(self, payment: Payment) -> GatewayAnswer:
        """Confirm: the cashier has the money."""
        return self.ask(payment)

    def ask(self, payment: Payment) -> GatewayAnswer:
        """Confirm: a payment at the desk is written only once the money is there."""
        return GatewayAnswer(
            outcome=Outcome.CONFIRMED, reference=payment.key, amount=payment.amount
        )

    def refund(self, refund: Refund, payment: Payment) -> GatewayAnswer:  # noqa: ARG002  # the port's form
        """Confirm: the cashier pays it out."""
        return GatewayAnswer(outcome=Outcome.CONFIRMED, reference=refund.key, amount=refund.amount)

    def read_callback(self, *, body: bytes, headers: Mapping[str, str]) -> GatewayNotice:  # noqa: ARG002  # the port's form
        """Refuse: a desk calls nobody, so whoever does is somebody else."""
        raise NotPermitted(f"send callbacks for {self._name}")
