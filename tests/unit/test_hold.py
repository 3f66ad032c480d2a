from datetime import UTC, datetime

from telecom_crm.domain.hold import HOLD_TERMS, Bar, Hold, HoldKind, barred, fees_go_on
from telecom_crm.domain.policy import SuspensionFees

AT = datetime(2026, 1, 1, tzinfo=UTC)


def holds(*kinds):
    return tuple(Hold(kind=kind, since=AT) for kind in kinds)


def test_every_hold_has_terms_and_bars_something():
    assert set(HOLD_TERMS) == set(HoldKind)
    assert all(terms.bars for terms in HOLD_TERMS.values())


def test_holds_bar_together():
    assert barred(()) == frozenset()
    assert Bar.INCOMING not in barred(holds(HoldKind.NON_PAYMENT))
    assert barred(holds(HoldKind.NON_PAYMENT, HoldKind.FRAUD)) == frozenset(Bar)


def test_one_hold_that_stops_fees_is_enough_unless_the_policy_says_otherwise():
    both = holds(HoldKind.NON_PAYMENT, HoldKind.VOLUNTARY)
    assert fees_go_on(holds(HoldKind.NON_PAYMENT), policy=SuspensionFees.BY_HOLD)
    assert not fees_go_on(both, policy=SuspensionFees.BY_HOLD)
    assert fees_go_on(both, policy=SuspensionFees.GO_ON)
    assert not fees_go_on(holds(HoldKind.NON_PAYMENT), policy=SuspensionFees.STOP)
    assert fees_go_on((), policy=SuspensionFees.STOP)
