"""What the operator itself does with money: gateways settle, cash is banked, tills are counted."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody

from telecom_crm.application.settlements import Settlements
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.api.account_views import EntryView, booked
from telecom_crm.entrypoints.http.bodies import Body, MoneyBody, Reason
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.routes import makes
from telecom_crm.entrypoints.http.values import KeyUse

Place = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class NewSettlement(Body):
    """What a gateway paid to the bank: `gross` it held for us, `fee` it kept of that."""

    gateway: Place
    gross: MoneyBody
    fee: MoneyBody | None = None
    note: Reason = ""


class NewDeposit(Body):
    """Cash of a desk that was brought to the bank."""

    desk: Place
    amount: MoneyBody
    note: Reason = ""


class NewDifference(Body):
    """What a count found in a till beside the books: too much or, negative, too little."""

    desk: Place
    amount: MoneyBody
    note: Reason = ""


class SettlementController(Controller):
    """Money between gateways, cash desks and the bank, on the operator's own accounts."""

    tags = ("settlements",)

    @makes("/settlements", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def settle(
        self,
        request: Call,
        data: JSONBody[NewSettlement],
        settlements: NamedDependency[Settlements],
    ) -> Response[EntryView]:
        """Book that a gateway paid to the bank what it held for us, less its fee."""
        entry = settlements.settle(
            data.gateway,
            gross=data.gross.money,
            fee=data.fee.money if data.fee else None,
            note=data.note,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/bank-deposits", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def bank_cash(
        self, request: Call, data: JSONBody[NewDeposit], settlements: NamedDependency[Settlements]
    ) -> Response[EntryView]:
        """Book that a desk's cash was brought to the bank."""
        entry = settlements.bank_cash(
            data.desk,
            amount=data.amount.money,
            note=data.note,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)

    @makes("/till-differences", Area.ACCOUNTS, Action.APPROVE, key=KeyUse.REQUIRED)
    def correct_till(
        self,
        request: Call,
        data: JSONBody[NewDifference],
        settlements: NamedDependency[Settlements],
    ) -> Response[EntryView]:
        """Book what a count found in a till beside the books."""
        entry = settlements.correct_till(
            data.desk,
            amount=data.amount.money,
            note=data.note,
            idempotency_key=request.key,
            by=request.by,
        )
        return booked(entry)
