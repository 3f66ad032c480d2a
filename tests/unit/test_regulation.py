"""What is said of payments: limits and tolerances, and when they hold."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from telecom_crm.adapters.clock import ManualClock
from telecom_crm.application.declared import plain
from telecom_crm.application.rule_keeping import InForce
from telecom_crm.application.rule_readers import read_regulations
from telecom_crm.application.rules import RuleBook, regulations_in
from telecom_crm.domain.errors import InvalidValue, Reason, RuleViolated
from telecom_crm.domain.money import Money
from telecom_crm.domain.regulation import DEFAULT_REGULATIONS, PaymentLimits, Regulations


def som(amount: str, currency: str = "KGS") -> Money:
    return Money.parse(amount, currency)


LIMITED = Regulations(
    payment_limits=[PaymentLimits(smallest=som("10.00"), largest=som("5000.00"))],
    tolerances=[som("0.50")],
)


@pytest.mark.parametrize("amount", ["9.99", "5000.01"])
def test_a_payment_outside_the_limits_is_refused_with_the_limit(amount):
    with pytest.raises(RuleViolated) as refused:
        LIMITED.refuse_payment(som(amount))
    [reason] = refused.value.reasons
    assert isinstance(reason, Reason)
    [[limit]] = reason.values.values()
    assert limit in (som("10.00"), som("5000.00"))
    assert str(limit) in reason
    DEFAULT_REGULATIONS.refuse_payment(som(amount))


def test_a_limit_is_part_of_what_it_limits_and_of_one_currency():
    for amount in (som("10.00"), som("5000.00"), som("1.00", "USD")):
        LIMITED.refuse_payment(amount)
    assert LIMITED.tolerance("KGS") == som("0.50")
    assert LIMITED.tolerance("USD") == som("0.00", "USD")


def test_regulations_survive_json():
    for regulations in (DEFAULT_REGULATIONS, LIMITED):
        assert read_regulations(plain(regulations)) == regulations


def test_odd_regulations_are_refused_with_every_fault():
    smaller = {"smallest": plain(som("5.00")), "largest": plain(som("4.00"))}
    other = {"smallest": plain(som("0.00")), "largest": plain(som("4.00", "USD"))}
    with pytest.raises(InvalidValue) as refused:
        read_regulations({"payment_limits": [smaller, other]})
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [
        ("payment_limits.0.largest", "amount"),
        ("payment_limits.1.smallest", "not_positive"),
        ("payment_limits.1.largest", "currency"),
    ]
    limits = PaymentLimits(smallest=som("1.00"))
    with pytest.raises(InvalidValue) as refused:
        Regulations(payment_limits=[limits] * 2, tolerances=[som("1.00"), som("-1.00")])
    found = [(fault.field, fault.code) for fault in refused.value.faults]
    assert found == [
        ("payment_limits.1", "doubled"),
        ("tolerances.1", "doubled"),
        ("tolerances.1", "negative"),
    ]


@attrs.define
class Counted:
    """A store that counts how often it is opened."""

    uow: Any
    opened: int = 0

    def __call__(self, **how):
        self.opened += 1
        return self.uow(**how)


def test_what_is_in_force_is_read_once_in_a_while(uow):
    store, clock = Counted(uow), ManualClock()
    book = RuleBook(store, clock)
    here, elsewhere = book.in_force(regulations_in), InForce(store, clock, regulations_in)
    assert [here() for _ in range(3)] == [elsewhere() for _ in range(3)]
    assert store.opened == 2
    book.put_regulations(LIMITED)
    assert (here(), elsewhere()) == (LIMITED, DEFAULT_REGULATIONS)
    clock.advance(timedelta(seconds=30))
    assert (here(), elsewhere()) == (LIMITED, LIMITED)
