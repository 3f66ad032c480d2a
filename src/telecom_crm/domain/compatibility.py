"""Which options go with which tariff and with each other, and to which tariff one may change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import ClassVar

import attrs

from telecom_crm.domain.errors import InvalidValue, Reason, RuleViolated
from telecom_crm.domain.tariff import Option, Tariff


class RuleKind(StrEnum):
    """How a compatibility rule binds its subject to the others."""

    REQUIRES = "requires"
    EXCLUDES = "excludes"
    INCLUDED_IN = "included_in"
    MAX_ONE_OF = "max_one_of"
    MIGRATES_TO = "migrates_to"


@attrs.define
class OptionsIncompatible(RuleViolated):
    """The tariff and the options do not go together; every violation is told."""

    code: ClassVar[str] = "options_incompatible"


def _codes(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(codes)


@attrs.frozen(order=True)
class CompatibilityRule:
    """
    A rule about what goes together. Subject and others are codes of tariffs or options.

    requires: the subject needs at least one of the others. excludes: it goes with none of them.
    included_in: those tariffs have the option already. max_one_of: at most one option of the group
    that `subject` names, no others. migrates_to: from that tariff one may change only to these.
    """

    kind: RuleKind
    subject: str
    others: tuple[str, ...] = attrs.field(default=(), converter=_codes)

    def __attrs_post_init__(self) -> None:
        if bool(self.others) == (self.kind is RuleKind.MAX_ONE_OF):
            what = "only a group" if self.others else "at least one other code"
            message = f"{self.kind} names {what}"
            raise InvalidValue.of("others", "compatibility_rule", message, " ".join(self.others))


def check_compatibility(
    tariff: Tariff, options: Sequence[Option], rules: Iterable[CompatibilityRule]
) -> tuple[str, ...]:
    """Return every reason, in words, why these options do not go with this tariff or each other."""
    codes = [option.code for option in options]
    chosen = {tariff.code, *codes}
    reasons = [
        Reason.of("option %(option)s is chosen twice", option=one) for one in _repeated(codes)
    ]
    reasons += [
        Reason.of(
            "option %(option)s is priced in %(its)s, tariff %(tariff)s in %(other)s",
            option=option.code,
            its=option.latest.currency,
            tariff=tariff.code,
            other=tariff.latest.currency,
        )
        for option in options
        if option.latest.currency != tariff.latest.currency
    ]
    for rule in rules:
        if rule.kind is RuleKind.MAX_ONE_OF:
            members = sorted({o.code for o in options if o.group == rule.subject})
            if len(members) > 1:
                reasons.append(Reason.of("at most one of %(others)s", others=members))
        elif rule.subject in chosen:
            reasons += _violations(rule, chosen, tariff.code)
    return tuple(reasons)


def refusals(
    tariff: Tariff,
    chosen: Sequence[Option],
    offered: Iterable[Option],
    rules: Sequence[CompatibilityRule],
) -> dict[str, tuple[str, ...]]:
    """
    Return, for each option that cannot be added to those chosen, what forbids it, in words.

    What is wrong with the choice as it is, is held against none of them.
    """
    already, codes = set(check_compatibility(tariff, chosen, rules)), {one.code for one in chosen}
    found = {
        one.code: tuple(
            reason
            for reason in check_compatibility(tariff, [*chosen, one], rules)
            if reason not in already
        )
        for one in offered
        if one.code not in codes
    }
    return {code: reasons for code, reasons in found.items() if reasons}


def require_compatible(
    tariff: Tariff, options: Sequence[Option], rules: Iterable[CompatibilityRule]
) -> None:
    """Raise `OptionsIncompatible` with every violation, if there is one."""
    if reasons := check_compatibility(tariff, options, rules):
        raise OptionsIncompatible("options_compatible", reasons)


def require_migration(*, old: str, new: str, rules: Iterable[CompatibilityRule]) -> None:
    """Raise `OptionsIncompatible` where the rules allow a change to other tariffs only."""
    named = [r.others for r in rules if r.kind is RuleKind.MIGRATES_TO and r.subject == old]
    allowed = sorted({code for codes in named for code in codes})
    if old != new and named and new not in allowed:
        pattern = "tariff %(old)s may be changed only to %(others)s, not to %(new)s"
        reason = Reason.of(pattern, old=old, others=allowed, new=new)
        raise OptionsIncompatible("migrates_to", (reason,))


def fitting(
    tariff: Tariff, options: Sequence[Option], rules: Sequence[CompatibilityRule]
) -> tuple[Option, ...]:
    """
    Return the options that can be kept with a tariff, in their order.

    While something does not go together, that option goes whose absence mends most.
    """
    kept = list(options)
    while kept and (reasons := check_compatibility(tariff, kept, rules)):
        rests = [[one for one in kept if one is not left_out] for left_out in kept]
        best = min(rests, key=lambda rest: len(check_compatibility(tariff, rest, rules)))
        if len(check_compatibility(tariff, best, rules)) >= len(reasons):
            break  # no option is to blame, or it takes more than one at once
        kept = best
    return tuple(kept)


def _violations(rule: CompatibilityRule, chosen: set[str], tariff: str) -> list[Reason]:
    subject, there = rule.subject, [code for code in rule.others if code in chosen]
    if rule.kind is RuleKind.REQUIRES and not there:
        pattern = "%(subject)s requires %(others)s"
        return [Reason.of(pattern, subject=subject, others=rule.others)]
    if rule.kind is RuleKind.EXCLUDES:
        pattern = "%(subject)s does not go with %(other)s"
        return [Reason.of(pattern, subject=subject, other=code) for code in there]
    if rule.kind is RuleKind.INCLUDED_IN and tariff in rule.others:
        pattern = "%(subject)s is already included in %(tariff)s"
        return [Reason.of(pattern, subject=subject, tariff=tariff)]
    return []


def _repeated(codes: Sequence[str]) -> list[str]:
    return sorted({code for code in codes if codes.count(code) > 1})
