from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from io import BytesIO

import attrs
import pytest

from telecom_crm.adapters.phones import NationalPhones
from telecom_crm.application.contracts.amending import When
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import Query
from telecom_crm.domain.account import PolicyFrozen
from telecom_crm.domain.activation import ActivationSummary
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.compatibility import OptionsIncompatible
from telecom_crm.domain.contract import (
    ActivationRefused,
    CloseReason,
    ContractStatus,
    HoldNotThere,
    HoldThere,
)
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.ledger import InsufficientFunds, LedgerCode, PostingKind, Transfer
from telecom_crm.domain.number import NumberNotAvailable, NumberStatus
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.sim import RetireReason, SimNotAvailable, SimStatus
from telecom_crm.domain.tariff import NotOnSale
from telecom_crm.domain.validation import CustomerField, ValidationRules
from tests.unit.shop import OPERATOR, PDF, Shop, iccid, msisdn, person, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


def counts(shop: Shop) -> tuple[int, int, int]:
    with shop.uow(read_only=True) as tx:
        customers = tx.customers.page(Query()).items
        accounts = tx.accounts.page(Query()).items
        contracts = tx.contracts.page(Query()).items
    return len(customers), len(accounts), len(contracts)


def test_a_sale_binds_everything_at_once(shop) -> None:
    contract = shop.sign(1, options=["DATA10"])
    assert (contract.status, contract.number) == (ContractStatus.ACCEPTED, "C-00000001")
    assert contract.events == ()
    with shop.uow(read_only=True) as tx:
        customer = tx.customers.get(contract.customer_id)
        account = tx.accounts.get(contract.account_id)
    assert customer.status is CustomerStatus.ACTIVE
    assert (account.number, account.customer_id) == ("B-00000001", customer.id)
    assert account.receipt is not None
    assert account.receipt.policy_id == "prepaid"
    assert shop.inventory.sim(iccid(1)).contract_id == contract.id
    assert shop.inventory.number(msisdn(1)).contract_id == contract.id
    names = [event.name for event in shop.contracts.timeline(contract.id)]
    assert names == ["ContractDrafted", "ContractAccepted"]


def test_a_tariff_sold_for_bills_only_gets_the_postpaid_policy(shop) -> None:
    contract = shop.sign(1, tariff="BUSINESS")
    assert shop.state(contract).account.postpaid


def test_the_loser_of_a_sim_is_told_its_state_and_leaves_nothing(shop) -> None:
    winner = shop.sign(1)
    before = counts(shop)
    with pytest.raises(SimNotAvailable) as caught:
        shop.sign(2, iccid=iccid(1))
    assert (caught.value.state, caught.value.contract) == ("bound", str(winner.id))
    with pytest.raises(NumberNotAvailable):
        shop.sign(2, msisdn=msisdn(1))
    assert counts(shop) == before
    assert shop.inventory.sim(iccid(2)).status is SimStatus.AVAILABLE


def test_of_many_at_once_for_one_sim_one_wins(shop: Shop) -> None:
    def buy(n: int) -> str:
        try:
            return shop.sign(n, iccid=iccid(0)).key
        except SimNotAvailable as lost:
            return f"lost to {lost.contract}"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(buy, range(1, 9)))
    winner = str(shop.inventory.sim(iccid(0)).contract_id)
    assert sorted(ends) == sorted([winner, *[f"lost to {winner}"] * 7])
    assert counts(shop) == (1, 1, 1)


def test_the_same_key_gives_the_same_contract(shop) -> None:
    first = shop.sign(1, idempotency_key="k")
    again = shop.sign(1, idempotency_key="k")
    assert (again.id, again.replayed, first.replayed) == (first.id, True, False)
    assert counts(shop) == (1, 1, 1)
    with pytest.raises(KeyReused):
        shop.sign(1, idempotency_key="k", tariff="MAX")


def test_what_may_cost_money_is_done_once_for_a_key(shop) -> None:
    contract = shop.active(1, money="5000.00")
    shop.price(3, "700.00")
    contracts = shop.contracts
    commands = (
        partial(contracts.amend, contract.id, options=["DATA10"]),
        partial(contracts.swap_sim, contract.id, iccid=iccid(2)),
        partial(contracts.change_number, contract.id, msisdn=msisdn(3)),
        partial(contracts.close, contract.id, reason=CloseReason.OTHER),
    )
    for command in commands:
        done = command(idempotency_key=f"{command.func.__name__}")
        booked = shop.entries(contract)
        again = command(
            idempotency_key=f"{command.func.__name__}", expected_version=done.version - 1
        )
        assert (again, again.replayed, done.replayed) == (done, True, False)
        assert shop.entries(contract) == booked
    with pytest.raises(KeyReused):
        contracts.close(contract.id, reason=CloseReason.FRAUD, idempotency_key="close")
    with pytest.raises(KeyReused):
        contracts.amend(contract.id, options=["DATA10"], idempotency_key="close")


def test_who_is_known_by_a_document_is_not_made_twice(shop) -> None:
    first = shop.sign(1)
    second = shop.sign(1, iccid=iccid(2), msisdn=msisdn(2))
    assert second.customer_id == first.customer_id
    assert second.account_id != first.account_id
    third = shop.sign(
        3,
        new_customer=None,
        customer_id=first.customer_id,
        account_id=first.account_id,
    )
    assert third.account_id == first.account_id
    assert counts(shop) == (1, 2, 3)
    with pytest.raises(RuleViolated, match="another customer"):
        shop.sign(4, account_id=first.account_id)


def test_every_fault_of_an_order_comes_at_once(shop) -> None:
    with pytest.raises(InvalidValue) as caught:
        shop.sign(1, tariff="GONE", options=["NONE"], new_customer={"name": " ", "email": "x"})
    assert {fault.field for fault in caught.value.faults} == {
        "tariff",
        "options",
        "customer.name",
        "customer.email",
    }
    with pytest.raises(InvalidValue):
        shop.sign(1, new_customer=None)
    with pytest.raises(InvalidValue):
        shop.sign(1, accept=False, activate=True)
    with pytest.raises(NotFound):
        shop.sign(1, iccid=iccid(99))


def test_a_newcomer_is_who_the_stores_validation_rules_let_in(shop) -> None:
    known = shop.sign(1)
    asked = {CustomerKind.PERSON: [CustomerField.EMAIL]}
    shop.rules.put_validation(ValidationRules(required=asked))
    with pytest.raises(InvalidValue) as caught:
        shop.sign(2, tariff="GONE")
    assert {fault.field for fault in caught.value.faults} == {"tariff", "customer.email"}
    shop.sign(2, new_customer=person(2, email="two@example.org"))
    shop.sign(3, new_customer=None, customer_id=known.customer_id)


def test_a_newcomer_who_is_known_keeps_the_numbers_of_another_time(shop) -> None:
    known = shop.sign(1)
    formats = {DocumentType.ID_CARD: ["AA9999999"], DocumentType.PASSPORT: ["AA9999999"]}
    shop.rules.put_validation(ValidationRules(document_formats=formats))
    assert shop.sign(2, new_customer=person(1)).customer_id == known.customer_id
    [had] = person(1)["documents"]
    odd = IdentityDocument(type="passport", number="X11")
    for documents in ((odd,), (had, odd)):
        with pytest.raises(InvalidValue) as caught:
            shop.sign(3, new_customer={"name": "Person 1", "documents": documents})
        [fault] = caught.value.faults
        assert (fault.field, fault.value) == ("customer.documents", "X11")


@pytest.mark.parametrize(
    "text",
    [
        *("0555 123456", "+996 (555) 123-456", "555123456", "996555123456", "123456"),
        *("0700 000-001", str(msisdn(1)), str(iccid(1)), "C-00000001", "c-00000001"),
        *("id0000001", "ID 000 0001", "2010 1199 012345", "ONE@example.org", "person 1"),
    ],
)
def test_a_customer_is_found_by_what_people_say(shop, text) -> None:
    own = {"phone": "+996555123456", "email": "one@example.org", "national_id": "20101199012345"}
    contract = shop.sign(1, new_customer=person(1, **own))
    shop.sign(2, new_customer=person(2, phone="+996555000000"))
    customers = Customers(shop.uow, shop.clock, shop.new_id, read_phone=NationalPhones("KG"))
    assert [one.id for one in customers.search(text)] == [contract.customer_id]


def test_what_does_not_go_together_is_not_sold(shop) -> None:
    with pytest.raises(OptionsIncompatible):
        shop.sign(1, tariff="START", options=["DATA50"])
    shop.catalog.retire_tariff("MAX")
    with pytest.raises(NotOnSale):
        shop.sign(1, tariff="MAX")
    with pytest.raises(NotOnSale):
        shop.sign(1, tariff="START", policy="postpaid")


def test_a_person_has_so_many_sims_and_no_more(shop) -> None:
    policy = attrs.evolve(shop.rules.policy("prepaid"), sims_per_person=1)
    shop.rules.put_policies([policy])
    shop.sign(1)
    with pytest.raises(RuleViolated, match="allows 1"):
        shop.sign(1, iccid=iccid(2), msisdn=msisdn(2))


def test_an_organisation_has_a_limit_of_its_own(shop) -> None:
    prepaid = shop.rules.policy("prepaid")
    shop.rules.put_policies([attrs.evolve(prepaid, sims_per_person=1)])
    company = {"name": "Ala-Too LLC", "kind": "organisation", "registration_number": "123"}
    first = shop.sign(1, new_customer=company)
    mine = {"new_customer": None, "customer_id": first.customer_id}
    assert shop.sign(2, **mine).status is ContractStatus.ACCEPTED
    policies = [attrs.evolve(prepaid, sims_per_person=None, sims_per_organisation=2)]
    shop.rules.put_policies(policies)
    with pytest.raises(RuleViolated, match="allows 2"):
        shop.sign(3, **mine)


def test_a_draft_keeps_sim_and_number_until_it_is_signed(shop) -> None:
    contract = shop.sign(1, accept=False)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.RESERVED
    with pytest.raises(SimNotAvailable):
        shop.sign(2, iccid=iccid(1))
    seen = shop.contracts.get(contract.id)
    signed = shop.contracts.accept(contract.id, expected_version=seen.version)
    assert signed.status is ContractStatus.ACCEPTED
    assert shop.inventory.sim(iccid(1)).status is SimStatus.BOUND
    with pytest.raises(StaleVersion):
        shop.contracts.cancel(contract.id, expected_version=seen.version)


@pytest.mark.parametrize("accept", [True, False])
def test_nobody_takes_what_anothers_draft_keeps(shop, accept) -> None:
    draft = shop.sign(1, accept=False)
    with pytest.raises(SimNotAvailable):
        shop.sign(2, iccid=iccid(1), reservation=draft.key, accept=accept)
    with pytest.raises(NumberNotAvailable):
        shop.sign(2, msisdn=msisdn(1), reservation=draft.key, accept=accept)
    name = shop.inventory.sim(iccid(1)).reserved_for
    with pytest.raises(InvalidValue, match=r"reservation: .*which drafts have"):
        shop.sign(2, iccid=iccid(1), msisdn=msisdn(1), reservation=name, accept=accept)
    assert shop.contracts.accept(draft.id).status is ContractStatus.ACCEPTED


@pytest.mark.parametrize("accept", [True, False])
def test_cancelling_frees_sim_and_number(shop, accept) -> None:
    contract = shop.sign(1, accept=accept)
    cancelled = shop.contracts.cancel(contract.id, reason="changed their mind", by=OPERATOR)
    assert cancelled.status is ContractStatus.CANCELLED
    assert shop.inventory.sim(iccid(1)).status is SimStatus.AVAILABLE
    assert shop.inventory.number(msisdn(1)).status is NumberStatus.AVAILABLE
    assert shop.sign(2, iccid=iccid(1), msisdn=msisdn(1)).is_live


def test_documents_are_kept_by_content(shop) -> None:
    contract = shop.sign(1)
    kept = shop.contracts.add_document(contract.id, name="signed.png", content=[PDF])
    (document,) = kept.documents
    assert (document.media_type, document.size) == ("application/pdf", len(PDF))
    again = shop.contracts.add_document(contract.id, name="copy.pdf", content=BytesIO(PDF))
    assert again == kept
    found, opened = shop.contracts.open_document(contract.id, document.id, by=OPERATOR)
    with opened:
        assert (opened.read(), found) == (PDF, document)
    with shop.uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query(where={"action": "contract.document"})).items
    assert (look.thing_id, look.detail, look.by) == (contract.key, str(document.id), OPERATOR)
    with pytest.raises(InvalidValue) as caught:
        shop.contracts.add_document(contract.id, name="a.pdf", content=[b"MZ\x90\x00\x03"])
    assert caught.value.faults[0].code == "media_type"
    assert len(shop.contracts.documents(contract.id)) == 1
    with shop.uow() as tx:
        tx.contracts.save(tx.contracts.get(contract.id).erase_names(by=OPERATOR, at=shop.clock()))
    (left,) = shop.contracts.documents(contract.id)
    assert left == attrs.evolve(document, name="erased")


def test_a_policy_is_chosen_until_it_is_frozen(shop) -> None:
    contract = shop.sign(1)
    receipt = shop.contracts.choose_policy(contract.id, policy="postpaid")
    assert receipt.policy_id == "postpaid"
    assert shop.state(contract).account.receipt == receipt
    shop.contracts.add_document(contract.id, name="signed.pdf", content=[PDF])
    shop.contracts.request_activation(contract.id)
    with pytest.raises(PolicyFrozen):
        shop.contracts.choose_policy(contract.id, policy="prepaid")
    with pytest.raises(NotFound):
        shop.contracts.choose_policy(contract.id, policy="gone")


def test_holds_come_and_go(shop) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.VOLUNTARY)
    with pytest.raises(HoldThere):
        shop.contracts.suspend(contract.id, hold=HoldKind.VOLUNTARY)
    both = shop.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    assert len(both.holds) == 2
    one = shop.contracts.resume(contract.id, hold=HoldKind.VOLUNTARY)
    assert one.status is ContractStatus.SUSPENDED
    with pytest.raises(HoldNotThere):
        shop.contracts.resume(contract.id, hold=HoldKind.KYC)
    last = shop.contracts.resume(contract.id, hold=HoldKind.FRAUD)
    assert last.status is ContractStatus.ACTIVE
    kinds = [task.kind.value for task in shop.provisioning.of_contract(contract.id)]
    assert kinds == ["activate", "bar", "unbar"]


def test_money_lifts_the_holds_of_money_only(shop) -> None:
    contract = shop.active(1, money="510.00")
    shop.contracts.suspend(contract.id, hold=HoldKind.LOW_BALANCE)
    shop.contracts.suspend(contract.id, hold=HoldKind.NON_PAYMENT)
    shop.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    assert shop.state(contract).account.money_holds == 1
    (lifted,) = shop.contracts.lift_money_holds(contract.account_id)
    assert [hold.kind for hold in lifted.holds] == [HoldKind.FRAUD]
    assert shop.state(contract).account.money_holds == 0
    assert shop.contracts.lift_money_holds(contract.account_id) == ()


def test_nothing_is_lifted_while_money_is_missing(shop) -> None:
    contract = shop.active(1, money="500.00")
    shop.contracts.suspend(contract.id, hold=HoldKind.LOW_BALANCE)
    shop.pay_back(contract.account_id, "0.01")
    assert shop.contracts.lift_all_money_holds() == 0
    shop.pay(contract.account_id, "0.01")
    assert shop.contracts.lift_all_money_holds() == 1
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_accounts_that_stay_held_keep_none_behind_them_held(shop) -> None:
    stuck = [shop.active(n, money="500.00") for n in (1, 2, 3)]
    paid = shop.active(4, money="500.00")
    for contract in (*stuck, paid):
        shop.contracts.suspend(contract.id, hold=HoldKind.LOW_BALANCE)
    for contract in stuck:
        shop.pay_back(contract.account_id, "0.01")
    assert shop.contracts.lift_all_money_holds(limit=1) == 1
    assert shop.contracts.get(paid.id).status is ContractStatus.ACTIVE


def test_what_is_not_overdue_is_resumed_whatever_is_available(shop) -> None:
    contract, other = shop.active(1, money="500.00"), shop.active(2, money="500.00")
    shop.contracts.suspend(contract.id, hold=HoldKind.NON_PAYMENT)
    shop.contracts.suspend(other.id, hold=HoldKind.LOW_BALANCE)
    for account_id in (contract.account_id, other.account_id):
        shop.pay_back(account_id, "0.01")
    assert shop.contracts.lift_all_money_holds() == 1
    assert shop.contracts.get(contract.id).status is ContractStatus.ACTIVE
    assert shop.contracts.get(other.id).status is ContractStatus.SUSPENDED


def test_terms_change_now_or_later(shop, clock) -> None:
    contract = shop.active(1, money="2000.00")
    later = shop.contracts.amend(contract.id, tariff="MAX", when=When.NEXT_PERIOD)
    assert (later.tariff_code, later.pending.tariff_code) == ("COMFORT", "MAX")
    with pytest.raises(RuleViolated):
        shop.contracts.take_effect(contract.id)
    assert shop.contracts.take_due_effect() == 0
    clock.pass_(days=31)
    assert shop.contracts.take_due_effect() == 1
    assert shop.contracts.take_due_effect() == 0
    assert shop.contracts.get(contract.id).tariff_code == "MAX"
    now = shop.contracts.amend(contract.id, tariff="COMFORT", options=["DATA10"])
    assert (now.tariff_code, [o.code for o in now.options]) == ("COMFORT", ["DATA10"])
    assert len(now.revisions) == 2
    with pytest.raises(OptionsIncompatible):
        shop.contracts.amend(contract.id, options=["DATA10", "DATA50"])


def test_a_version_that_is_not_the_present_one_is_refused_at_once(shop) -> None:
    contract = shop.active(1)
    begun = []

    def counted(**how: bool):
        begun.append(how)
        return shop.uow(**how)

    contracts = attrs.evolve(shop.contracts, uow=counted)
    with pytest.raises(StaleVersion):
        contracts.suspend(contract.id, hold=HoldKind.ADMIN, expected_version=contract.version - 1)
    assert len(begun) < 4


def test_an_option_charged_once_is_charged_when_it_begins(shop) -> None:
    contract = shop.active(1, money="0.00", tariff="BUSINESS")
    before = shop.state(contract).balance.balance
    shop.contracts.amend(contract.id, options=["STATIC-IP"])
    assert before - shop.state(contract).balance.balance == som("300.00")
    shop.contracts.amend(contract.id, options=["STATIC-IP"])
    assert before - shop.state(contract).balance.balance == som("300.00")


def test_an_option_that_begins_later_is_charged_then_once_money_is_there(shop, clock) -> None:
    contract = shop.active(1, money="0.00", tariff="BUSINESS")
    available = shop.state(contract).available
    shop.contracts.amend(contract.id, options=["STATIC-IP"], when=When.NEXT_PERIOD)
    assert shop.state(contract).available == available
    shop.pay_back(contract.account_id, str((available - som("299.99")).amount))
    clock.pass_(days=31)
    assert shop.contracts.take_due_effect() == 0
    with pytest.raises(InsufficientFunds):
        shop.contracts.take_effect(contract.id)
    assert shop.contracts.get(contract.id).pending is not None
    shop.pay(contract.account_id, "0.01")
    assert shop.contracts.take_due_effect() == 1
    assert shop.contracts.take_due_effect() == 0
    assert shop.state(contract).available == som("0.00")
    assert [o.code for o in shop.contracts.get(contract.id).options] == ["STATIC-IP"]


def test_a_bill_payer_spends_up_to_the_credit_limit_and_no_further(shop) -> None:
    contract = shop.active(1, money="0.00", tariff="BUSINESS")
    available = shop.state(contract).available
    shop.price(2, "900000.00")
    with pytest.raises(InsufficientFunds):
        shop.contracts.change_number(contract.id, msisdn=msisdn(2))
    left = som("150.00")
    shop.pay_back(contract.account_id, str((available - left).amount))
    with pytest.raises(InsufficientFunds):
        shop.contracts.amend(contract.id, options=["STATIC-IP"])
    assert shop.state(contract).available == left
    assert shop.contracts.get(contract.id).options == ()


def test_a_lost_card_is_swapped(shop) -> None:
    contract = shop.active(1)
    shop.contracts.suspend(contract.id, hold=HoldKind.LOST_STOLEN)
    swapped = shop.contracts.swap_sim(
        contract.id, iccid=iccid(2), reason=RetireReason.LOST, lift_lost_stolen=True
    )
    assert (swapped.iccid, swapped.status) == (iccid(2), ContractStatus.ACTIVE)
    assert shop.inventory.sim(iccid(1)).status is SimStatus.RETIRED
    shop.provisioning.work(network=shop.network)
    assert shop.inventory.sim(iccid(2)).status is SimStatus.ACTIVE
    assert {card: known.bars for card, known in shop.network.known.items()} == {
        iccid(2): frozenset()
    }
    other = shop.sign(3)
    with pytest.raises(SimNotAvailable):
        shop.contracts.swap_sim(contract.id, iccid=other.iccid)


@pytest.mark.parametrize(
    ("reason", "costs"), [(RetireReason.LOST, "50.00"), (RetireReason.DEFECTIVE, "0.00")]
)
def test_another_card_costs_what_the_tariff_says_unless_the_first_was_bad(
    shop, reason, costs
) -> None:
    contract = shop.active(1, money="600.00")
    terms = shop.catalog.tariff("COMFORT").versions[0].terms
    shop.catalog.new_tariff_version("COMFORT", terms=attrs.evolve(terms, sim_swap_fee=som("99.00")))
    before = shop.state(contract).available
    shop.contracts.swap_sim(contract.id, iccid=iccid(2), reason=reason)
    assert before - shop.state(contract).available == som(costs)
    booked = [entry.transfers[0].charge_kind for entry in shop.entries(contract)]
    assert booked.count(ChargeKind.SIM_SWAP) == (costs != "0.00")


def test_another_card_is_not_given_for_money_that_is_not_there(shop) -> None:
    contract = shop.active(1, money="510.00")
    with pytest.raises(InsufficientFunds):
        shop.contracts.swap_sim(contract.id, iccid=iccid(2))
    assert shop.contracts.get(contract.id).iccid == iccid(1)
    assert shop.inventory.sim(iccid(2)).status is SimStatus.AVAILABLE


def test_a_number_is_changed_for_its_price(shop) -> None:
    contract = shop.active(1, money="600.00")
    shop.price(2, "100.00")
    shop.price(3, "1.00")
    changed = shop.contracts.change_number(contract.id, msisdn=msisdn(2))
    assert changed.msisdn == msisdn(2)
    assert shop.inventory.number(msisdn(1)).status is NumberStatus.QUARANTINED
    assert shop.inventory.sim(iccid(1)).msisdn == msisdn(2)
    assert shop.state(contract).available == som("0.00")
    with pytest.raises(InsufficientFunds):
        shop.contracts.change_number(contract.id, msisdn=msisdn(3))
    assert shop.contracts.get(contract.id).msisdn == msisdn(2)
    with pytest.raises(NotFound):
        shop.contracts.change_number(contract.id, msisdn=msisdn(2))


def test_closing_pays_bills_first_and_keeps_what_is_still_to_be_billed(shop) -> None:
    contract = shop.active(1, money="2000.00", tariff="BUSINESS")
    unbilled = shop.state(contract).balance.unbilled
    assert unbilled > 10_000
    bill = Transfer(
        debit=LedgerCode.RECEIVABLE, credit=LedgerCode.UNBILLED_RECEIVABLE, amount=som("100.00")
    )
    shop.book(contract.account_id, bill)
    shop.contracts.close(contract.id, reason=CloseReason.CUSTOMER_REQUEST)
    left = shop.state(contract).balance
    assert (left.receivable, left.unbilled) == (0, unbilled - 10_000)
    assert left.subscriber == left.unbilled
    (paid, owed) = shop.entries(contract)[-1].transfers
    assert (paid.credit, paid.amount) == (LedgerCode.RECEIVABLE, som("100.00"))
    assert owed.credit is LedgerCode.REFUNDS_PAYABLE
    assert owed.amount.minor == 200_000 - unbilled


def test_closing_the_last_contract_owes_the_money_back(shop) -> None:
    contract = shop.active(1, money="800.00")
    other = shop.sign(
        2, new_customer=None, customer_id=contract.customer_id, account_id=contract.account_id
    )
    shop.contracts.suspend(contract.id, hold=HoldKind.LOW_BALANCE)
    closed = shop.contracts.close(contract.id, reason=CloseReason.CUSTOMER_REQUEST, by=OPERATOR)
    assert closed.status is ContractStatus.CLOSED
    assert shop.state(contract).account.money_holds == 0
    assert shop.inventory.sim(iccid(1)).status is SimStatus.RETIRED
    assert shop.state(contract).balance.balance == som("300.00")
    shop.contracts.add_document(other.id, name="signed.pdf", content=[PDF])
    shop.pay(contract.account_id, "500.00")
    shop.contracts.request_activation(other.id)
    shop.provisioning.work(network=shop.network)
    shop.contracts.close(other.id, reason=CloseReason.CUSTOMER_REQUEST)
    assert shop.state(contract).balance.balance == som("0.00")
    assert shop.entries(contract)[-1].kind is PostingKind.CLOSING_REFUND
    shop.provisioning.work(network=shop.network)
    assert shop.network.known == {}
    with pytest.raises(IllegalTransition):
        shop.contracts.close(contract.id, reason=CloseReason.OTHER)


def test_a_returning_customer_gets_the_resting_number(shop) -> None:
    first = shop.active(1)
    shop.contracts.close(first.id, reason=CloseReason.OTHER)
    with pytest.raises(NumberNotAvailable):
        shop.sign(2, msisdn=msisdn(1))
    back = shop.sign(1, iccid=iccid(3))
    assert shop.inventory.number(msisdn(1)).contract_id == back.id


def test_lists_and_refusals(shop) -> None:
    contract = shop.sign(1)
    shop.sign(2)
    assert [c.id for c in shop.contracts.each(iccid=iccid(1).digits)] == [contract.id]
    assert len(shop.contracts.page(Query(where={"status": "accepted"})).items) == 2
    assert isinstance(shop.contracts.activation_summary(contract.id), ActivationSummary)
    with pytest.raises(ActivationRefused):
        shop.sign(3, new_customer=person(3), activate=True)
    assert shop.inventory.sim(iccid(3)).status is SimStatus.AVAILABLE


def test_who_gets_contracts_by_a_merge_is_a_customer_again(shop, clock, ids) -> None:
    customers = Customers(shop.uow, clock, ids)
    losers = [
        shop.sign(1).customer_id,
        shop.sign(2, accept=False).customer_id,
        customers.register(name="Nobody's").id,
    ]
    survivors = [customers.register(name=f"Survivor {n}").id for n in range(3)]
    for loser, survivor in zip(losers, survivors, strict=True):
        customers.close(survivor)
        customers.merge(loser, survivor_id=survivor, by=OPERATOR)
    ends = [customers.get(survivor).status for survivor in survivors]
    assert ends == [CustomerStatus.ACTIVE, CustomerStatus.PROSPECT, CustomerStatus.CLOSED]


def test_a_reservation_that_is_over_keeps_nobody_away(shop, clock) -> None:
    until = clock() + timedelta(minutes=5)
    for keep in (shop.inventory.reserve_sim, shop.inventory.reserve_number):
        keep(iccid(1) if keep == shop.inventory.reserve_sim else msisdn(1), until=until)
    with pytest.raises(SimNotAvailable):
        shop.sign(1)
    clock.pass_(minutes=5)
    kept = shop.inventory.reserve_sim(iccid(1), until=clock() + timedelta(minutes=5))
    assert kept.reserved_for is not None
    clock.pass_(minutes=5)
    contract = shop.sign(1)
    assert shop.inventory.sim(iccid(1)).contract_id == contract.id
    names = [event.name for event in shop.inventory.number_history(msisdn(1))]
    assert names[-2:] == ["NumberReservationExpired", "NumberAssigned"]


def test_a_draft_may_have_a_number_that_was_the_customers_own(shop) -> None:
    gone = shop.active(1)
    shop.contracts.close(gone.id, reason=CloseReason.OTHER)
    again = {"new_customer": None, "customer_id": gone.customer_id, "msisdn": msisdn(1)}
    draft = shop.sign(2, accept=False, **again)
    assert shop.inventory.number(msisdn(1)).status is NumberStatus.QUARANTINED
    with pytest.raises(NumberNotAvailable):
        shop.sign(3, accept=False, msisdn=msisdn(1))
    accepted = shop.contracts.accept(draft.id)
    assert shop.inventory.number(msisdn(1)).contract_id == accepted.id
    assert shop.contracts.cancel(accepted.id).status is ContractStatus.CANCELLED


def test_the_latest_events_are_the_end_of_the_timeline(shop):
    contract = shop.active(1)
    whole = shop.contracts.timeline(contract.id)
    assert {event.thing for event in whole} == {"contract", "provisioning_task"}
    assert [*shop.contracts.latest_events(contract.id, count=3).items] == whole[:-4:-1]
    assert [*shop.contracts.latest_events(contract.id, count=99).items] == whole[::-1]
