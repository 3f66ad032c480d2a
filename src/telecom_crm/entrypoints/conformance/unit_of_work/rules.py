"""What every store has to do: what is written as data: kept, changed and told of."""

from __future__ import annotations

from typing import Any

from telecom_crm.application.catalog import COMPATIBILITY, compatibility_in
from telecom_crm.application.declared import plain
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import (
    VersionSeen,
)
from telecom_crm.entrypoints.conformance.machine import refused
from telecom_crm.entrypoints.conformance.samples import (
    OPERATOR,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite


class Rules(StoreSuite):
    """What is written as data: kept, changed and told of."""

    def test_rules_are_plain_json_and_their_change_is_an_event(self) -> None:
        uow, samples = self.make(), Samples()
        value = {"b": [1, None, "ү"], "a": {"c": 0.5}}
        for version in (1, 2):
            with uow() as tx:
                tx.rules.put("dedup", {**value, "v": version}, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            assert tx.rules.get("dedup") == {**value, "v": 2}
            assert tx.rules.get("other") is None
            events = tx.events.of("rules", "dedup")
        assert [(event.sequence, event.by) for event in events] == [(1, OPERATOR), (2, OPERATOR)]

    def test_rules_are_put_over_the_version_that_was_seen(self) -> None:
        uow, samples = self.make(), Samples()
        for seen in (0, 1):
            with uow() as tx:
                assert tx.rules.version("dedup") == seen
                at = samples.tick()
                tx.rules.put("dedup", {"seen": seen}, expected_version=seen, by=OPERATOR, at=at)
        for stale in (0, 1, 3):
            with refused(VersionSeen) as caught, uow() as tx:
                tx.rules.put("dedup", {}, expected_version=stale, by=OPERATOR, at=samples.tick())
            assert caught.value.version == 2
        with refused(VersionSeen), uow() as tx:
            tx.rules.put("other", {}, expected_version=1, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            assert (tx.rules.version("dedup"), tx.rules.version("other")) == (2, 0)
            assert tx.rules.get("dedup") == {"seen": 1}
            assert len(tx.events.of("rules", "dedup")) == 2

    def test_compatibility_rules_are_replaced_whole(self) -> None:
        uow, at = self.make(), Samples().tick()
        rules = [CompatibilityRule(RuleKind.EXCLUDES, "A", ("B",))]
        more = [*rules, CompatibilityRule(RuleKind.MAX_ONE_OF, "roaming")]
        with uow() as tx:
            assert (compatibility_in(tx), tx.rules.version(COMPATIBILITY)) == ((), 0)
            tx.rules.put(COMPATIBILITY, plain(more), by=OPERATOR, at=at)
            assert compatibility_in(tx) == tuple(more)
        with uow() as tx:
            tx.rules.put(COMPATIBILITY, plain(rules), expected_version=1, by=OPERATOR, at=at)
        with refused(VersionSeen), uow() as tx:
            tx.rules.put(COMPATIBILITY, plain([]), expected_version=1, by=OPERATOR, at=at)
        with uow(read_only=True) as tx:
            assert (compatibility_in(tx), tx.rules.version(COMPATIBILITY)) == (tuple(rules), 2)
            assert [one.by for one in tx.events.of("rules", COMPATIBILITY)] == [OPERATOR] * 2

    def test_rules_tell_what_changed_of_them(self) -> None:
        uow, samples = self.make(), Samples()
        first: dict[str, Any] = {"weights": {"phone": 40}, "on": [{"id": "a", "n": 1}]}
        second = {"weights": {"phone": 50}, "on": [{"id": "b", "n": 2}, {"id": "a", "n": 1}]}
        for value in (first, second):
            with uow() as tx:
                tx.rules.put("dedup", value, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            told = [event.payload["changes"] for event in tx.events.of("rules", "dedup")]
        assert told[0]["weights.phone"] == [None, 40]
        assert told[1] == {
            "weights.phone": [40, 50],
            "on.b.id": [None, "b"],
            "on.b.n": [None, 2],
        }
