"""An operator with a catalog, cards and numbers, for tests of services over the memory store."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.network.simulator import SimulatorNetwork
from telecom_crm.application.catalog import TariffCatalog
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.inventory.service import Inventory
from telecom_crm.application.ports import Clock, Series, UnitOfWork
from telecom_crm.application.provisioning import Provisioning
from telecom_crm.application.rules import RuleBook
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, AccountId, EntryId, luhn_is_right
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind, Transfer
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money

OPERATOR = Actor("operator", "token-1")


def iccid(n: int) -> ICCID:
    body = f"899960000000000{n:03d}"
    return ICCID(next(body + str(d) for d in range(10) if luhn_is_right(body + str(d))))


def msisdn(n: int) -> MSISDN:
    return MSISDN(f"996700000{n:03d}")


def som(amount: str) -> Money:
    return Money.parse(amount, "KGS")


def person(n: int = 1, **more: Any) -> dict[str, Any]:
    document = IdentityDocument(type="id_card", number=f"ID{n:07d}")
    return {"name": f"Person {n}", "documents": (document,), **more}


@attrs.frozen
class Shop:
    uow: UnitOfWork
    clock: Clock
    new_id: Callable[[], UUID]
    inventory: Inventory
    catalog: TariffCatalog
    rules: RuleBook
    contracts: Contracts
    provisioning: Provisioning
    network: SimulatorNetwork

    @classmethod
    def opened(
        cls, uow: UnitOfWork, series: Series, clock: Clock, ids: Callable[[], UUID]
    ) -> "Shop":
        shop = cls(
            uow,
            clock,
            ids,
            Inventory(uow, clock, ids),
            TariffCatalog(uow, clock),
            RuleBook(uow, clock),
            Contracts(uow, clock, ids, series, MemoryFiles(new_id=ids)),
            Provisioning(uow, clock, ids, series),
            SimulatorNetwork(),
        )
        shop.catalog.apply(demo_catalog())
        cards = [SimData(iccid=iccid(n), imsi=IMSI(f"4370500000000{n:02d}")) for n in range(9)]
        shop.inventory.receive_sims(cards)
        shop.inventory.receive_numbers([NumberData(msisdn=msisdn(n)) for n in range(9)])
        return shop

    def sign(self, n: int = 1, **more: Any) -> Contract:
        terms: dict[str, Any] = {
            "new_customer": person(n),
            "iccid": iccid(n),
            "msisdn": msisdn(n),
            "tariff": "COMFORT",
            "by": OPERATOR,
            **more,
        }
        return self.contracts.create(**terms)

    def active(self, n: int = 1, *, money: str = "1000.00", **more: Any) -> Contract:
        contract = self.sign(n, **more)
        self.pay(contract.account_id, money)
        self.contracts.add_document(contract.id, name="signed.pdf", content=[PDF, bytes([n])])
        self.contracts.request_activation(contract.id)
        self.provisioning.work(network=self.network)
        return self.contracts.get(contract.id)

    def pay(self, account_id: AccountId, amount: str) -> None:
        self._move(account_id, amount, LedgerCode.CASH_DESK, LedgerCode.SUBSCRIBER_BALANCE)

    def pay_back(self, account_id: AccountId, amount: str) -> None:
        self._move(account_id, amount, LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.CASH_DESK)

    def price(self, n: int, amount: str) -> None:
        data = NumberData(msisdn=msisdn(n), category="gold", price=som(amount))
        self.inventory.receive_numbers([data])

    def _move(
        self, account_id: AccountId, amount: str, debit: LedgerCode, credit: LedgerCode
    ) -> None:
        if som(amount):
            self.book(account_id, Transfer(debit=debit, credit=credit, amount=som(amount)))

    def book(self, account_id: AccountId, transfer: Transfer) -> None:
        entry = JournalEntry(
            id=EntryId(self.new_id()),
            account_id=account_id,
            kind=PostingKind.PAYMENT,
            transfers=(transfer,),
            booked_at=self.clock(),
            caused_by="payment:test",
        )
        with self.uow() as tx:
            tx.ledger.post([Posting.of(entry)], at=self.clock())

    def state(self, contract: Contract) -> AccountState:
        with self.uow(read_only=True) as tx:
            return tx.ledger.states([contract.account_id], at=self.clock())[contract.account_id]

    def entries(self, contract: Contract) -> list[JournalEntry]:
        with self.uow(read_only=True) as tx:
            page = tx.ledger.entries(
                contract.account_id, start=None, end=None, limit=100, cursor=None
            )
        return list(page.items)


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj << >> endobj\n"
