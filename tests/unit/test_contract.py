from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest

from telecom_crm.domain.activation import (
    AccountFacts,
    CustomerFacts,
    activation_summary,
)
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.charging import first_fees
from telecom_crm.domain.compatibility import CompatibilityRule, OptionsIncompatible, RuleKind
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    LIVE,
    OPEN,
    PAYABLE,
    ActivationRefused,
    ChosenOption,
    CloseReason,
    Contract,
    ContractStatus,
    HoldNotThere,
    HoldThere,
)
from telecom_crm.domain.customer import BARRED, CustomerStatus
from telecom_crm.domain.errors import IllegalTransition, InvalidValue, Reason, RuleViolated
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ContractId,
    CustomerId,
    DocumentId,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.policy import MIGRATION, POSTPAID, PREPAID, PaymentMode
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import NotOnSale, Option, OptionTerms, Tariff, TariffTerms

AT = datetime(2026, 1, 17, tzinfo=UTC)
LATER = AT + timedelta(days=1)
TODAY = AT.date()
WHO: Any = {"by": Actor("ann"), "at": AT}
MINE = ContractId(UUID(int=1))
ANN = CustomerFacts(id=CustomerId(UUID(int=2)), has_identity=True)
ACCOUNT = AccountId(UUID(int=3))
CARD, NEXT_CARD = ICCID("8999608004477127826"), ICCID("8999608004477127834")
DIGITS, NEXT_DIGITS = MSISDN("996555055433"), MSISDN("996700055433")
PAPER = Attachment(
    id=DocumentId(UUID(int=4)),
    file_id="f",
    name="contract.pdf",
    media_type="application/pdf",
    sha256="0" * 64,
    size=10,
)
TERMS = TariffTerms(monthly_fee=Money(30_000, "KGS"), activation_fee=Money(10_000, "KGS"))


def tariff(code="START", terms=TERMS):
    return Tariff.create(code=code, name=code, terms=terms, **WHO).publish(**WHO)


def option(code):
    terms = OptionTerms(fee=Money(100, "KGS"))
    return Option.create(code=code, name=code, terms=terms, **WHO).publish(**WHO)


def draft(customer=ANN, **more):
    return Contract.draft(
        id=MINE,
        number="C-1",
        customer=customer,
        account_id=ACCOUNT,
        iccid=CARD,
        msisdn=DIGITS,
        tariff_code="START",
        tariff_version=1,
        **more,
        **WHO,
    )


def accept(contract, **more):
    given = {"tariff": tariff(), "policy": PREPAID, "live_contracts": 0, **WHO, **more}
    return contract.accept(**given)


def accepted(**more):
    return accept(draft(**more))


def summary(contract, **more):
    receipt = more.pop("receipt", PREPAID.receipt(at=AT))
    given = {
        "customer": ANN,
        "account": AccountFacts(id=ACCOUNT, available=Money(40_000, "KGS")),
        "sim": Sim.receive(iccid=CARD, **WHO).bind(contract_id=MINE, msisdn=DIGITS, **WHO),
        "number": Number.receive(msisdn=DIGITS, **WHO).assign(contract_id=MINE, **WHO),
        "tariff": tariff(),
        "first_fees": first_fees(
            tariff=("START", tariff().latest),
            policy=receipt.terms if receipt else PREPAID,
            activated_on=TODAY,
        ),
        "today": TODAY,
    }
    return activation_summary(contract=contract, receipt=receipt, **{**given, **more})


def active():
    contract = accepted().add_document(document=PAPER, **WHO)
    asked = contract.request_activation(summary=summary(contract), **WHO)
    return asked.confirm_activation(**WHO)


def test_the_table():
    assert CONTRACT_LIFECYCLE.triples() == {
        (None, "draft", "draft"),
        ("draft", "accept", "accepted"),
        ("draft", "cancel", "cancelled"),
        ("accepted", "cancel", "cancelled"),
        ("accepted", "request_activation", "activating"),
        ("activating", "confirm_activation", "active"),
        ("activating", "fail_activation", "accepted"),
        ("active", "amend", "active"),
        ("active", "swap_sim", "active"),
        ("suspended", "swap_sim", "suspended"),
        ("active", "change_number", "active"),
        ("suspended", "change_number", "suspended"),
        ("active", "suspend", "suspended"),
        ("suspended", "suspend", "suspended"),
        ("suspended", "resume", "suspended"),
        ("suspended", "resume", "active"),
        ("active", "close", "closed"),
        ("suspended", "close", "closed"),
    }


def test_the_sets_of_states():
    assert {"accepted", "activating", "active", "suspended"} == LIVE
    assert set(ContractStatus) - PAYABLE == {"draft", "cancelled"}
    assert set(ContractStatus) - OPEN == {"closed", "cancelled"}
    assert {s for s in ContractStatus if CONTRACT_LIFECYCLE.is_final(s)} == set(
        ContractStatus
    ) - OPEN


def test_from_draft_to_active():
    contract = active()
    assert (contract.status, contract.accepted_at, contract.activated_at) == ("active", AT, AT)
    assert contract.receipt == PREPAID.receipt(at=AT)
    assert [event.name for event in contract.events] == [
        "ContractDrafted",
        "ContractAccepted",
        "ContractDocumentAdded",
        "ContractActivationRequested",
        "ContractActivated",
    ]
    assert [event.sequence for event in contract.events] == [1, 2, 3, 4, 5]
    assert "contract.pdf" not in repr(contract.events)


@pytest.mark.parametrize("state", ["blocked", "closed", "merged"])
def test_no_contract_for_a_customer_in_bad_standing(state):
    with pytest.raises(RuleViolated, match=state):
        draft(customer=attrs.evolve(ANN, barred_by=state))


def test_accepting_tells_every_reason_at_once():
    rule = CompatibilityRule(RuleKind.REQUIRES, "ROAM", ("NET",))
    roam = {"options": [option("ROAM")], "rules": [rule]}
    contract = draft(options=[ChosenOption("ROAM", 1)])
    with pytest.raises(OptionsIncompatible):
        accept(contract, **roam)
    gone = tariff().retire(**WHO)
    with pytest.raises(NotOnSale) as caught:
        accept(contract, tariff=gone, **roam)
    assert len(caught.value.reasons) == 2
    with pytest.raises(RuleViolated) as limit:
        accept(contract, tariff=gone, live_contracts=10, **roam)
    assert len(limit.value.reasons) == 3
    assert accept(draft(), policy=MIGRATION, live_contracts=1000).status == "accepted"
    with pytest.raises(IllegalTransition):
        accept(accepted())


def test_a_green_summary_has_nine_lines():
    contract = accepted().add_document(document=PAPER, **WHO)
    checked = summary(contract)
    assert checked.is_green
    assert [line.code for line in checked.lines] == [
        "customer",
        "identity",
        "documents",
        "sim",
        "number",
        "tariff",
        "policy",
        "first_fee",
        "activation_date",
    ]


def test_every_failed_line_is_told():
    contract = accepted(requested_activation=TODAY + timedelta(days=1))
    checked = summary(
        contract,
        customer=CustomerFacts(id=ANN.id, barred_by=BARRED[CustomerStatus.BLOCKED]),
        account=AccountFacts(id=ACCOUNT, available=Money(39_999, "KGS")),
        sim=Sim.receive(iccid=CARD, **WHO),
        number=Number.receive(msisdn=DIGITS, **WHO),
        tariff=tariff("OTHER"),
        receipt=None,
    )
    assert len(checked.failed) == 9
    with pytest.raises(ActivationRefused) as caught:
        contract.request_activation(summary=checked, **WHO)
    assert caught.value.reasons == (
        "the customer is blocked",
        "add a valid document of the customer",
        "add the signed contract as a file",
        "the contract does not hold its SIM card",
        "the contract does not hold its number",
        "there is no tariff START in version 1",
        "choose a billing policy",
        "the first fees are 400.00 KGS, and 399.99 KGS is available",
        "the day of activation has not come: it is 2026-01-18",
    )
    assert all(isinstance(reason, Reason) for reason in caught.value.reasons)
    assert contract.status == "accepted"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (
            {
                "receipt": attrs.evolve(
                    PREPAID, credit_limit=Money(0, "USD"), low_balance=None, promise_limit=None
                ).receipt(at=AT)
            },
            "policy",
        ),
        (
            {"tariff": tariff(terms=attrs.evolve(TERMS, payment_modes=[PaymentMode.POSTPAID]))},
            "tariff",
        ),
        ({"customer": attrs.evolve(ANN, has_identity=False)}, "identity"),
        ({"account": AccountFacts(id=ACCOUNT, available=Money(39_999, "KGS"))}, "first_fee"),
    ],
)
def test_one_wrong_thing_fails_one_line(more, code):
    contract = accepted().add_document(document=PAPER, **WHO)
    assert [line.code for line in summary(contract, **more).failed] == [code]


def test_a_policy_may_ask_for_less():
    poor = AccountFacts(id=ACCOUNT, available=Money(-1, "KGS"))
    nobody = attrs.evolve(ANN, has_identity=False)
    lenient = MIGRATION.receipt(at=AT)
    assert summary(accepted(), customer=nobody, account=poor, receipt=lenient).is_green
    on_credit = summary(accepted(), account=poor, receipt=POSTPAID.receipt(at=AT))
    assert [line.code for line in on_credit.failed] == ["documents"]


def test_a_failed_activation_may_be_asked_for_again():
    contract = accepted()
    green = summary(contract, receipt=MIGRATION.receipt(at=AT))
    again = contract.request_activation(summary=green, **WHO).fail_activation(reason="hlr", **WHO)
    assert again.request_activation(summary=green, **WHO).status == "activating"
    with pytest.raises(ValueError, match="another"):
        again.request_activation(summary=attrs.evolve(green, contract_id=UUID(int=9)), **WHO)


def test_holds_come_and_go_one_by_one():
    held = active().suspend(hold=HoldKind.FRAUD, **WHO).suspend(hold=HoldKind.VOLUNTARY, **WHO)
    with pytest.raises(HoldThere):
        held.suspend(hold=HoldKind.FRAUD, **WHO)
    with pytest.raises(HoldNotThere):
        held.resume(hold=HoldKind.KYC, **WHO)
    one = held.resume(hold=HoldKind.FRAUD, **WHO)
    assert (one.status, one.has_hold(HoldKind.VOLUNTARY)) == ("suspended", True)
    assert one.resume(hold=HoldKind.VOLUNTARY, **WHO).status == "active"
    assert held.close(reason=CloseReason.CUSTOMER_REQUEST, **WHO).status == "closed"
    with pytest.raises(IllegalTransition):
        active().resume(hold=HoldKind.FRAUD, **WHO)


def test_a_swap_keeps_what_was_and_may_lift_lost_stolen():
    lost = active().suspend(hold=HoldKind.LOST_STOLEN, **WHO)
    kept = lost.swap_sim(iccid=NEXT_CARD, **WHO)
    assert (kept.status, kept.iccid, kept.revisions[0].iccid) == ("suspended", NEXT_CARD, CARD)
    lifted = lost.swap_sim(iccid=NEXT_CARD, lift_lost_stolen=True, **WHO)
    assert (lifted.status, lifted.holds, lifted.version) == ("active", (), lost.version + 2)
    moved = lifted.change_number(msisdn=NEXT_DIGITS, **WHO)
    assert [revision.number for revision in moved.revisions] == [1, 2]
    assert moved.revisions[1].msisdn == DIGITS


def test_amending_now_takes_new_versions_and_keeps_old_ones():
    contract = attrs.evolve(active(), options=(ChosenOption("NET", 1),))
    newer = option("NET").add_version(terms=OptionTerms(fee=Money(7, "KGS")), **WHO).retire(**WHO)
    changed = contract.amend(
        tariff=tariff("MAX"), options=[newer, option("ROAM")], policy=PREPAID, **WHO
    )
    assert (changed.tariff_code, changed.revisions[0].tariff_code) == ("MAX", "START")
    assert changed.options == (ChosenOption("NET", 1), ChosenOption("ROAM", 1))
    with pytest.raises(NotOnSale):
        contract.amend(tariff=tariff("MAX").retire(**WHO), policy=PREPAID, **WHO)
    stay = tariff().add_version(terms=TERMS, **WHO).retire(**WHO)
    assert contract.amend(tariff=stay, policy=PREPAID, **WHO).tariff_version == 1


def test_amending_from_the_next_period_waits_for_its_date():
    first = date(2026, 2, 1)
    waiting = active().amend(tariff=tariff("MAX"), policy=PREPAID, effective_on=first, **WHO)
    assert (waiting.tariff_code, waiting.revisions) == ("START", ())
    with pytest.raises(RuleViolated):
        waiting.take_effect(today=first - timedelta(days=1), **WHO)
    begun = waiting.suspend(hold=HoldKind.VOLUNTARY, **WHO).take_effect(today=first, **WHO)
    assert (begun.tariff_code, begun.pending, begun.status) == ("MAX", None, "suspended")
    with pytest.raises(RuleViolated):
        begun.take_effect(today=first, **WHO)


def test_documents_and_policy_have_their_time():
    closed = active().close(reason=CloseReason.OTHER, **WHO)
    with pytest.raises(RuleViolated):
        closed.add_document(document=PAPER, **WHO)
    receipt = POSTPAID.receipt(at=AT)
    assert accepted().set_policy(receipt=receipt, **WHO).receipt == receipt
    with pytest.raises(RuleViolated):
        active().set_policy(receipt=receipt, **WHO)
    with pytest.raises(InvalidValue):
        attrs.evolve(PAPER, sha256="x")


def test_a_cancelled_contract_is_over():
    gone = accepted().cancel(reason="changed their mind", **WHO)
    assert not gone.is_live
    assert CONTRACT_LIFECYCLE.allowed(gone.status) == ()
