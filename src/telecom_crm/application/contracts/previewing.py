"""Previews: what a contract could change to, by the rules that amending goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import attrs

from telecom_crm.application.catalog import Offer, compatibility_in, offer_in
from telecom_crm.application.contracts.amending import Amending, When, begun_options
from telecom_crm.application.contracts.desk import policy_of
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.charging import Charge
from telecom_crm.domain.compatibility import CompatibilityRule, fitting
from telecom_crm.domain.contract import Amendment, ChosenOption, Contract
from telecom_crm.domain.errors import IllegalTransition, RuleViolated, TelecomCrmError
from telecom_crm.domain.identifiers import ContractId
from telecom_crm.domain.language import Wording
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.tariff import Allowances, Option, OptionVersion, Tariff, TariffVersion


@attrs.frozen(kw_only=True)
class Plan:
    """A tariff and options, each with the terms that a contract has of it, or would get."""

    tariff: Tariff
    terms: TariffVersion
    options: tuple[tuple[Option, OptionVersion], ...] = ()

    @property
    def is_priced(self) -> bool:
        """Whether everything has its price in one currency, as all that can be sold together."""
        return {terms.currency for _, terms in self.options} <= {self.terms.currency}

    @property
    def monthly(self) -> Money:
        """What is charged for each period; raise `CurrencyMismatch` unless `is_priced`."""
        recurring = (terms.fee for _, terms in self.options if terms.recurring)
        return sum(recurring, self.terms.monthly_fee)

    @property
    def allowances(self) -> Allowances:
        """What is included in a period, by the tariff and by what recurs beside it."""
        parts = [self.terms.allowances]
        parts += [terms.allowances for _, terms in self.options if terms.recurring]
        names = [field.name for field in attrs.fields(Allowances)]
        return Allowances(**{name: sum(getattr(one, name) for one in parts) for name in names})

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the options."""
        return tuple(option.code for option, _ in self.options)


@attrs.frozen(kw_only=True)
class Preview:
    """
    What a change of terms would come to.

    `begins_on` is the first local date on them; `fees` are charged once when they begin, and what
    recurs from `recurs_on`, when the next period begins. `dropped` are options that a contract has
    and would not have any more. `refused` is why it cannot be; None where it can.
    """

    plan: Plan
    when: When
    begins_on: date
    recurs_on: date
    fees: tuple[Charge, ...] = ()
    dropped: tuple[Option, ...] = ()
    refused: TelecomCrmError | None = None


@attrs.frozen(kw_only=True)
class OptionChoice:
    """An option, and what switching it on, or off where it `is_on`, would come to."""

    option: Option
    terms: OptionVersion
    is_on: bool
    preview: Preview


@attrs.frozen(kw_only=True)
class Choices:
    """
    What a contract has, and what it could have instead.

    `coming` is what it gets on `coming_on`. `tariffs` are the others that are sold to those who pay
    like its account; `options` those on sale, and those it has. `names` are what all codes of the
    catalog are called.
    """

    contract: Contract
    plan: Plan
    coming: Plan | None
    coming_on: date | None
    next_period: date
    tariffs: tuple[Preview, ...]
    options: tuple[OptionChoice, ...]
    names: Mapping[str, Wording]


@attrs.frozen
class Previewing(Amending):
    """Looks at changes of terms before they are made."""

    def choices(self, contract_id: ContractId) -> Choices:
        """Tell what a contract has, and what each tariff and option would come to now."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            case = _case(tx, contract_id, now)
            tariffs = {one.code: one for one in each_in(tx.catalog.tariffs)}
            options = {one.code: one for one in each_in(tx.catalog.options)}
        contract, mode, coming = case.contract, case.policy.payment_mode, case.contract.pending
        others = [one for one in tariffs.values() if one.code != contract.tariff_code]
        sold = [one for one in others if one.on_sale(at=now, mode=mode)]
        offered = [one for one in options.values() if one.on_sale(at=now) or case.has(one)]
        return Choices(
            contract=contract,
            plan=case.plan(tariffs[contract.tariff_code], case.options),
            coming=None if coming is None else plan_of(coming, tariffs, options),
            coming_on=None if coming is None else coming.effective_on,
            next_period=self._next_period(contract, case.policy, now),
            tariffs=tuple(self._preview(case, case.keeping(one), When.NOW) for one in sold),
            options=tuple(
                OptionChoice(
                    option=one,
                    terms=case.terms_of(one),
                    is_on=case.has(one),
                    preview=self._preview(case, case.switching(tariffs, one), When.NOW),
                )
                for one in offered
            ),
            names={code: one.name for code, one in (tariffs | options).items()},
        )

    def preview(
        self,
        contract_id: ContractId,
        *,
        tariff: str | None = None,
        options: Sequence[str] | None = None,
        when: When = When.NOW,
    ) -> Preview:
        """
        Tell what `amend` would come to; without `options`, those stay that go with the tariff.

        Raise `InvalidValue` for a code that is not in the catalog.
        """
        with self.uow(read_only=True) as tx:
            case = _case(tx, contract_id, self.clock())
            codes = [one.code for one in case.options] if options is None else options
            offer = offer_in(tx, tariff=tariff or case.contract.tariff_code, options=codes)
        if options is None:
            offer = case.keeping(offer.tariff)
        return self._preview(case, offer, when)

    def _preview(self, case: _Case, offer: Offer, when: When) -> Preview:
        plan = case.plan(offer.tariff, offer.options)
        chosen = tuple(ChosenOption(one.code, terms.number) for one, terms in plan.options)
        begun = attrs.evolve(case.contract, options=chosen)
        priced = {one.code: one for one in offer.options}
        fees = begun_options(case.contract, begun, priced, case.policy)
        following = self._next_period(case.contract, case.policy, case.at)
        return Preview(
            plan=plan,
            when=when,
            begins_on=following if when is When.NEXT_PERIOD else local_date(case.at, self.zone),
            recurs_on=following,
            fees=tuple(fees),
            dropped=tuple(one for one in case.options if one.code not in priced),
            refused=self._refused(case, offer, when, begun, fees),
        )

    def _refused(
        self, case: _Case, offer: Offer, when: When, begun: Contract, fees: Iterable[Charge]
    ) -> TelecomCrmError | None:
        """Return why a change cannot be made; money is asked for when it begins, as by `amend`."""
        now, balance = case.at, case.state.balance
        try:
            self._amended(case.contract, offer, case.policy, when, by=SYSTEM, at=now)
            if when is When.NOW:
                for posting in self._fee_postings(case.state, begun, fees, now):
                    balance = posting.apply(balance, case.state.credit_limit)
        except (RuleViolated, IllegalTransition) as error:
            return error
        return None


@attrs.frozen(kw_only=True)
class _Case:
    """A contract with its account and options, at an instant, and the rules of the catalog."""

    contract: Contract
    state: AccountState
    policy: BillingPolicy
    options: tuple[Option, ...]
    rules: tuple[CompatibilityRule, ...]
    at: datetime

    def has(self, option: Option) -> bool:
        """Tell whether the contract has an option."""
        return any(one.code == option.code for one in self.contract.options)

    def keeping(self, tariff: Tariff) -> Offer:
        """Return a tariff with those of the contract's options that go with it."""
        kept = fitting(tariff, self.options, self.rules)
        return Offer(tariff=tariff, options=kept, rules=self.rules)

    def switching(self, tariffs: Mapping[str, Tariff], option: Option) -> Offer:
        """Return what the contract has with an option on that is off, or off that is on."""
        rest = tuple(one for one in self.options if one.code != option.code)
        chosen = rest if self.has(option) else (*rest, option)
        return Offer(tariff=tariffs[self.contract.tariff_code], options=chosen, rules=self.rules)

    def plan(self, tariff: Tariff, options: Iterable[Option]) -> Plan:
        """Return a tariff and options with the contract's own terms, or those that are sold."""
        own = tariff.code == self.contract.tariff_code
        terms = tariff.version_numbered(self.contract.tariff_version) if own else None
        return Plan(
            tariff=tariff,
            terms=terms or tariff.version_at(self.at) or tariff.latest,
            options=tuple((one, self.terms_of(one)) for one in options),
        )

    def terms_of(self, option: Option) -> OptionVersion:
        """Return the contract's own terms of an option, or those that are sold."""
        for kept in self.contract.options:
            if kept.code == option.code:
                return option.version_numbered(kept.version)
        return option.version_at(self.at) or option.latest


def _case(tx: Transaction, contract_id: ContractId, now: datetime) -> _Case:
    contract = tx.contracts.get(contract_id)
    state = tx.ledger.states([contract.account_id], at=now)[contract.account_id]
    codes = [chosen.code for chosen in contract.options]
    had = tx.catalog.options.get_many(codes)
    return _Case(
        contract=contract,
        state=state,
        policy=policy_of(contract, state.account),
        options=tuple(had[code] for code in codes),
        rules=compatibility_in(tx),
        at=now,
    )


def plan_of(
    terms: Contract | Amendment, tariffs: Mapping[str, Tariff], options: Mapping[str, Option]
) -> Plan:
    """Return what a contract has, or gets by a change that waits."""
    tariff = tariffs[terms.tariff_code]
    chosen = [(options[one.code], one.version) for one in terms.options]
    return Plan(
        tariff=tariff,
        terms=tariff.version_numbered(terms.tariff_version),
        options=tuple((one, one.version_numbered(number)) for one, number in chosen),
    )
