from functools import partial

import pytest

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.ports import Query
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.compatibility import OptionsIncompatible
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.errors import IllegalTransition, InvalidValue
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.ledger import InsufficientFunds
from telecom_crm.domain.tariff import Allowances, NotOnSale
from tests.unit.shop import Shop, som


@pytest.fixture
def shop(uow, series, clock, ids) -> Shop:
    return Shop.opened(uow, series, clock, ids)


def test_a_preview_says_what_amending_then_does(shop) -> None:
    tariffs = [one.code for one in shop.catalog.tariffs(Query()).items]
    options = [one.code for one in shop.catalog.options(Query()).items]
    sets = [[], *([one] for one in options), ["DATA10", "DATA50"], ["ROAM-CIS", "ROAM-DATA"]]
    signed = [shop.active(n, tariff=one, money="1500.00") for n, one in enumerate(tariffs, start=1)]
    told = [
        outcome(shop, contract, tariff, chosen)
        for contract in signed
        for tariff in tariffs
        for chosen in sets
    ]
    assert {"fees", None, NotOnSale, OptionsIncompatible} <= set(told)


def outcome(shop, contract, tariff, chosen):
    """Make a change as it was previewed, and return what came of it."""
    told = shop.contracts.preview(contract.id, tariff=tariff, options=chosen)
    change = partial(shop.contracts.amend, contract.id, tariff=tariff, options=chosen)
    if told.refused is not None:
        with pytest.raises(type(told.refused)) as caught:
            change()
        assert str(caught.value) == str(told.refused)
        return type(told.refused)
    before = shop.state(contract).balance.balance
    made = change()
    assert made.tariff_version == told.plan.terms.number
    assert [one.code for one in made.options] == list(told.plan.codes)
    spent = before - shop.state(contract).balance.balance
    assert spent == sum((fee.gross for fee in told.fees), som("0.00"))
    return "fees" if told.fees else None


def test_another_tariff_keeps_what_goes_with_it(shop) -> None:
    contract = shop.active(1, options=["ROAM-CIS", "ROAM-DATA", "DATA10"], money="2000.00")
    told = shop.contracts.preview(contract.id, tariff="MAX")
    assert told.refused is None
    assert told.plan.codes == ("ROAM-DATA", "DATA10")
    assert [one.code for one in told.dropped] == ["ROAM-CIS"]
    assert told.plan.monthly == som("1160.00")
    assert told.plan.allowances == Allowances(minutes=3000, messages=1000, megabytes=117760)
    strict = shop.contracts.preview(contract.id, tariff="MAX", options=["ROAM-CIS"])
    assert "ROAM-CIS is already included in MAX" in str(strict.refused)
    with pytest.raises(InvalidValue):
        shop.contracts.preview(contract.id, tariff="NONE")


def test_a_change_from_the_next_period_says_when(shop, clock) -> None:
    contract = shop.active(1, tariff="BUSINESS", money="0.00")
    shop.pay_back(contract.account_id, str(shop.state(contract).available.amount))
    now = shop.contracts.preview(contract.id, options=["STATIC-IP"])
    later = shop.contracts.preview(contract.id, options=["STATIC-IP"], when=When.NEXT_PERIOD)
    assert isinstance(now.refused, InsufficientFunds)
    assert later.refused is None, "it waits for the money"
    assert [fee.gross for fee in later.fees] == [som("300.00")]
    today = local_date(clock(), shop.contracts.zone)
    assert now.begins_on == today < later.begins_on == later.recurs_on == now.recurs_on
    made = shop.contracts.amend(contract.id, options=["STATIC-IP"], when=When.NEXT_PERIOD)
    assert made.pending.effective_on == later.begins_on
    choices = shop.contracts.choices(contract.id)
    assert (choices.coming.codes, choices.coming_on) == (("STATIC-IP",), later.begins_on)


def test_the_choices_are_what_is_sold_to_such_a_contract(shop) -> None:
    contract = shop.active(1, tariff="START", options=["DATA10"])
    choices = shop.contracts.choices(contract.id)
    assert (choices.plan.tariff.code, choices.plan.codes) == ("START", ("DATA10",))
    assert choices.plan.monthly == som("370.00")
    assert choices.coming is None
    assert [one.plan.tariff.code for one in choices.tariffs] == ["COMFORT", "MAX"]
    assert all(one.refused is None for one in choices.tariffs)
    options = {one.option.code: one for one in choices.options}
    assert [code for code, one in options.items() if one.is_on] == ["DATA10"]
    assert options["DATA10"].preview.plan.codes == ()
    assert options["DATA10"].preview.refused is None
    assert "START does not go with DATA50" in str(options["DATA50"].preview.refused)
    assert "requires ROAM-CIS or MAX" in str(options["ROAM-DATA"].preview.refused)
    shop.catalog.retire_option("DATA10")
    shop.catalog.retire_option("DATA50")
    kept = {one.option.code for one in shop.contracts.choices(contract.id).options}
    assert "DATA10" in kept
    assert "DATA50" not in kept
    shop.contracts.suspend(contract.id, hold=HoldKind.VOLUNTARY)
    choices = shop.contracts.choices(contract.id)
    assert choices.contract.status is ContractStatus.SUSPENDED
    assert all(isinstance(one.refused, IllegalTransition) for one in choices.tariffs)
