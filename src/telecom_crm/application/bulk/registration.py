"""Registering subscribers: what each row of a chunk comes to, and what is saved for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import attrs

from telecom_crm.application.activation import Case, Prices, Requested, request
from telecom_crm.application.bulk.chunk import Memo, Tally, Turn, shown
from telecom_crm.application.bulk.numbering import Numbering
from telecom_crm.application.bulk.offers import Offers, offers_in
from telecom_crm.application.bulk.reading import (
    SUBSCRIBERS,
    Reading,
    misread,
    note_keys,
    read_subscriber,
)
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Columns
from telecom_crm.application.bulk.world import World, contacts, keys_of, sale_key, world_in
from telecom_crm.application.customers.desk import Checks
from telecom_crm.application.ports import (
    Contended,
    FormerValue,
    IdentityTaken,
    NewId,
    ReadPhone,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.sale import Sold, Terms, sell
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    ActivationRefused,
    Contract,
    ContractCommand,
)
from telecom_crm.domain.customer import CUSTOMER_LIFECYCLE, Customer, CustomerCommand
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import Fault, Reason, RuleViolated
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ContractId, CustomerId, TaskId
from telecom_crm.domain.importing import Outcome
from telecom_crm.domain.ledger import Balance, Posting
from telecom_crm.domain.number import NUMBER_LIFECYCLE, Number, NumberCommand
from telecom_crm.domain.profile import Profile
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import NotOnSale, Tariff


@attrs.frozen(kw_only=True)
class SubscriberRows:
    """Rows of people with a SIM, a number and a tariff; known by their document and MSISDN."""

    columns: Columns = SUBSCRIBERS
    uow: UnitOfWork
    new_id: NewId
    numbering: Numbering
    default_policies: tuple[str, ...]
    checks: Checks
    deduplication: DeduplicationRules | None
    read_phone: ReadPhone = MSISDN
    offers: Offers | None = None

    def note(self, repeats: Repeats, row: Mapping[str, str], *, dry_run: bool) -> None:
        note_keys(repeats, row, dry_run=dry_run)

    def read(
        self, line: int, row: Mapping[str, str], *, repeats: Repeats, dry_run: bool, today: date
    ) -> Reading:
        return read_subscriber(
            line,
            row,
            repeats=repeats,
            dry_run=dry_run,
            today=today,
            read_phone=self.read_phone,
        )

    def misread(self, line: int, fault: Fault) -> Reading:
        return misread(line, fault)

    def prepare(self, turn: Turn, readings: Sequence[Reading]) -> SubscriberRows:
        self.numbering.fill(sum(not reading.faults for reading in readings))
        held = [r.msisdn for r in readings if r.msisdn is not None] if turn.job.activate else []
        with self.uow(read_only=True) as tx:
            offers = offers_in(
                tx,
                tariffs={reading.tariff for reading in readings if reading.tariff},
                policy=turn.job.policy,
                default_policies=self.default_policies,
                held=held,
                own_rules=self.deduplication,
            )
        return attrs.evolve(self, offers=offers)

    def apply(self, tx: Transaction, turn: Turn, readings: Sequence[Reading]) -> Tally:
        if self.offers is None:
            raise RuntimeError("prepare comes before apply")
        dry_run = turn.job.dry_run
        keys = [key for r in readings for key in keys_of(r, self.offers, dry_run=dry_run)]
        memo = Memo.of(tx, turn.job, keys)
        registration = Registration(
            turn=turn,
            offers=self.offers,
            memo=memo,
            world=world_in(tx, turn, readings, self.offers, memo),
            new_id=self.new_id,
            numbering=self.numbering,
            checks=self.checks,
        )
        for reading in readings:
            registration.register(reading)
        if not dry_run:
            registration.save(tx)
        memo.keep(tx, turn.job)
        return registration.tally


@attrs.define
class Changes:
    """What the rows of a chunk change; each thing once, as it is in the end."""

    customers: dict[CustomerId, Customer] = attrs.field(factory=dict)
    former: list[FormerValue] = attrs.field(factory=list)
    accounts: dict[AccountId, BillingAccount] = attrs.field(factory=dict)
    contracts: list[Contract] = attrs.field(factory=list)
    sims: list[Sim] = attrs.field(factory=list)
    numbers: list[Number] = attrs.field(factory=list)
    postings: list[Posting] = attrs.field(factory=list)
    tasks: list[ProvisioningTask] = attrs.field(factory=list)


@attrs.define(kw_only=True)
class Registration:
    """One chunk of rows being decided, on values alone; a row sees what the rows before it did."""

    turn: Turn
    offers: Offers
    memo: Memo
    world: World
    new_id: NewId
    numbering: Numbering
    checks: Checks
    tally: Tally = attrs.field(factory=Tally)
    changes: Changes = attrs.field(factory=Changes)

    def register(self, reading: Reading) -> None:
        """Decide one row: it is created, updated, unchanged or failed."""
        if reading.tariff is None:
            self.tally.fail(reading.line, reading.faults)
            return
        world = self.world
        owner = world.owner_of(reading.document) if reading.paper is not None else None
        held = world.holders.get(reading.msisdn) if reading.msisdn is not None else None
        mine = held if held and owner and held.customer_id == owner.id else None
        tariff = self.offers.tariffs.get(reading.tariff)
        faults = [
            *reading.faults,
            *_birth_faults(reading, owner),
            *self._sim_faults(reading, held, mine),
            *self._number_faults(reading, owner, held, mine),
            *_tariff_faults(reading, tariff, mine),
        ]
        if faults or reading.person is None or tariff is None:
            self.tally.fail(reading.line, faults)
        elif mine is not None and owner is not None:
            self._again(reading, reading.person, owner, mine)
        else:
            self._sell(reading, reading.person, owner, tariff)

    def save(self, tx: Transaction) -> None:
        """Save everything, in the order in which things are held everywhere."""
        changes = self.changes
        if changes.customers:
            try:
                tx.customers.save_all(list(changes.customers.values()))
            except IdentityTaken as taken:
                raise Contended(f"customer {taken.customer_id}") from taken
        if changes.former:
            tx.customers.remember(changes.former)
        if changes.accounts:
            tx.accounts.save_all(list(changes.accounts.values()))
        if changes.contracts:
            tx.contracts.save_all(changes.contracts)
        if changes.sims:
            tx.sims.save_all(changes.sims)
            tx.numbers.save_all(changes.numbers)
        if changes.postings:
            tx.ledger.post(changes.postings, at=self.turn.at)
        if changes.tasks:
            tx.tasks.save_all(changes.tasks)

    # What is wrong with a row as things are

    def _sim_faults(
        self, reading: Reading, held: Contract | None, mine: Contract | None
    ) -> list[Fault]:
        iccid = reading.iccid
        if iccid is None:
            return []
        sim = self.world.sims.get(iccid)
        if sim is None:
            return [_fault("iccid", "iccid_unknown", "no SIM of the pool has this ICCID", iccid)]
        if mine is not None:
            if mine.iccid == iccid:
                return []
            message = "the contract of this number has another SIM"
            return [_fault("iccid", "differs", message, iccid)]
        if sim.is_free(self.turn.at):
            return []
        if reading.paper is None and held is not None and held.iccid == iccid:
            return []  # perhaps this person's own: who they are cannot be read
        return [_fault("iccid", "iccid_taken", f"this SIM is {sim.status} for somebody", iccid)]

    def _number_faults(
        self,
        reading: Reading,
        owner: Customer | None,
        held: Contract | None,
        mine: Contract | None,
    ) -> list[Fault]:
        msisdn = reading.msisdn
        if msisdn is None or mine is not None:
            return []
        number = self.world.numbers.get(msisdn)
        if number is None:
            message = "this number is not in the pool"
            return [_fault("msisdn", "msisdn_unknown", message, msisdn)]
        if held is not None and reading.paper is None:
            return []  # perhaps this person's own
        free = number.is_free(self.turn.at)
        if not free and NUMBER_LIFECYCLE.can(number, NumberCommand.RESTORE):
            free = owner is not None and number.kept_for == owner.id
        message = f"this number is {number.status}, not free"
        return [] if free else [_fault("msisdn", "msisdn_taken", message, msisdn)]

    # A contract that is there

    def _again(
        self, reading: Reading, person: Profile, owner: Customer, contract: Contract
    ) -> None:
        """Bring what is known of a customer up to date; nothing else of a contract can change."""
        told_contract = self.memo.facts(f"msisdn:{contract.msisdn.digits}")
        if told_contract is not None and (odd := _differing(reading, person, owner)):
            self.tally.fail(reading.line, _contradictions(odd, told_contract["line"]))
            return
        warnings: list[Reason] = []
        differing = self._news(reading, person, owner, warnings)
        if differing:
            before, owner = owner, self._updated(owner, differing)
            if faults := self.checks.faults(owner, on_file=(before,)):
                self.tally.fail(reading.line, faults)
                return
            self._remember(before, differing)
            self.world.customers[owner.id] = self.changes.customers[owner.id] = owner
        activated = False
        if self.turn.job.activate and told_contract is None:
            activated = self._activate_held(contract, owner, warnings)
        self._tell(reading, owner, None, changed=bool(differing))
        updated = differing or activated
        self.tally.end(reading.line, Outcome.UPDATED if updated else Outcome.UNCHANGED, warnings)

    def _updated(self, owner: Customer, differing: Mapping[str, Any]) -> Customer:
        turn = self.turn
        return owner.update(changes=differing, today=turn.today, by=turn.by, at=turn.at)

    def _news(
        self, reading: Reading, person: Profile, owner: Customer, warnings: list[Reason]
    ) -> dict[str, Any]:
        """Return what a row changes of a customer: nothing, once another row has spoken."""
        differing = _differing(reading, person, owner)
        if not differing:
            return {}
        told = self.memo.facts(f"document:{reading.document}")
        if told is None:
            return differing
        warnings += [
            Reason.of(
                "kept %(column)s as it was: line %(line)s came first",
                column=_COLUMN_OF.get(field, field),
                line=told["line"],
            )
            for field in differing
        ]
        return {}

    def _remember(self, owner: Customer, differing: Iterable[str]) -> None:
        """Keep what a change replaces."""
        self.changes.former += [
            FormerValue(
                customer_id=owner.id,
                field=field,
                value=str(getattr(owner, field)),
                at=self.turn.at,
                by=self.turn.by,
            )
            for field in differing
            if getattr(owner, field) is not None
        ]

    def _activate_held(self, contract: Contract, owner: Customer, warnings: list[Reason]) -> bool:
        """Activate a contract that was accepted before, on the policy that the job names."""
        if not CONTRACT_LIFECYCLE.can(contract, ContractCommand.REQUEST_ACTIVATION):
            return False
        state = self.world.states[contract.account_id]
        tariff = self.offers.tariffs[contract.tariff_code]
        options = self.offers.options
        if any(chosen.code not in options for chosen in contract.options):
            raise Contended(f"contract {contract.key}")
        case = Case(
            contract=contract,
            customer=owner,
            state=attrs.evolve(state, account=self._on_policy(state.account)),
            sim=self.world.sims[contract.iccid],
            number=self.world.numbers[contract.msisdn],
            prices=Prices(tariff=tariff, options=options),
        )
        requested = self._requested(case, warnings)
        if requested is None:
            return False
        reserve = requested.posting.reserve if requested.posting else 0
        balance = attrs.evolve(state.balance, reserved=state.balance.reserved + reserve)
        now = attrs.evolve(state, account=requested.account, balance=balance)
        self.world.states[contract.account_id] = now
        self.world.holders[contract.msisdn] = requested.contract
        if requested.account.events:
            self.changes.accounts[requested.account.id] = requested.account
        self.changes.contracts.append(requested.contract)
        return True

    def _on_policy(self, account: BillingAccount) -> BillingAccount:
        chosen, receipt = self.offers.chosen, account.receipt
        if chosen is None or account.policy_frozen or chosen.currency != account.currency:
            return account
        if receipt is not None and receipt.policy_id == chosen.id:
            return account
        return account.choose_policy(chosen, by=self.turn.by, at=self.turn.at)

    # A new contract

    def _sell(
        self, reading: Reading, person: Profile, owner: Customer | None, tariff: Tariff
    ) -> None:
        turn, world = self.turn, self.world
        warnings: list[Reason] = []
        differing: dict[str, Any] = {}
        if owner is None:
            customer = Customer.from_profile(
                id=CustomerId(self.new_id()), profile=person, by=turn.by, at=turn.at
            )
            warnings += self._suspicions(person)
        else:
            customer = owner
            differing = self._news(reading, person, owner, warnings)
            if differing:
                customer = self._updated(owner, differing)
                warnings += _changed(differing)
        if faults := self.checks.faults(customer, on_file=(owner,) if owner else ()):
            self.tally.fail(reading.line, faults)
            return
        try:
            sold = self._sold(reading, customer, self.offers.terms(tariff, at=turn.at))
        except RuleViolated as error:
            self.tally.fail(reading.line, [_refusal(error, tariff)])
            return
        if turn.job.activate:
            sold = self._activated(sold, tariff, warnings)
        self._take(sold)
        if owner is not None and differing:
            self._remember(owner, differing)
        changes = self.changes
        changes.customers[sold.customer.id] = sold.customer
        changes.accounts[sold.account.id] = sold.account
        changes.contracts.append(sold.contract)
        changes.sims.append(sold.sim)
        changes.numbers.append(sold.number)
        world.owners[reading.document] = sold.customer.id
        changed = owner is None or bool(differing)
        self._tell(reading, sold.customer, sold.contract, changed=changed)
        self.tally.end(reading.line, Outcome.CREATED, warnings)

    def _sold(self, reading: Reading, customer: Customer, terms: Terms) -> Sold:
        turn = self.turn
        if CUSTOMER_LIFECYCLE.can(customer, CustomerCommand.REOPEN):
            customer = customer.reopen(by=turn.by, at=turn.at)
        if reading.iccid is None or reading.msisdn is None:
            raise AssertionError("a row without SIM or number has failed before")
        account = BillingAccount.open(
            id=AccountId(self.new_id()),
            number=self.numbering.account(),
            customer_id=customer.id,
            currency=terms.policy.currency,
            by=turn.by,
            at=turn.at,
        )
        return sell(
            contract_id=ContractId(self.new_id()),
            number_of_contract=self.numbering.contract(),
            customer=customer,
            account=account,
            sim=self.world.sims[reading.iccid],
            number=self.world.numbers[reading.msisdn],
            terms=terms,
            live_contracts=self.world.live.get(customer.id, 0),
            today=turn.today,
            by=turn.by,
            at=turn.at,
        )

    def _take(self, sold: Sold) -> None:
        """Make the sale part of the world that later rows see."""
        world, customer = self.world, sold.customer
        world.customers[customer.id] = customer
        world.live[customer.id] = world.live.get(customer.id, 0) + 1
        world.sims[sold.sim.iccid] = sold.sim
        world.numbers[sold.number.msisdn] = sold.number
        world.holders[sold.number.msisdn] = sold.contract
        for _, key in contacts(customer):
            world.shared.setdefault(key, customer.id)

    def _activated(self, sold: Sold, tariff: Tariff, warnings: list[Reason]) -> Sold:
        account = sold.account
        balance = Balance(currency=account.currency)
        case = Case(
            contract=sold.contract,
            customer=sold.customer,
            state=AccountState(account=account, balance=balance, at=self.turn.at),
            sim=sold.sim,
            number=sold.number,
            prices=Prices(tariff=tariff),
        )
        requested = self._requested(case, warnings)
        if requested is None:
            return sold
        return attrs.evolve(sold, account=requested.account, contract=requested.contract)

    def _requested(self, case: Case, warnings: list[Reason]) -> Requested | None:
        """Ask for an activation; a checklist that is not all green blocks it and tells why."""
        turn = self.turn
        task_id = TaskId(self.new_id())
        try:
            requested = request(case, task_id=task_id, today=turn.today, by=turn.by, at=turn.at)
        except ActivationRefused as error:
            self.tally.blocked += 1
            warnings += [
                Reason.of("activation is blocked: %(reason)s", reason=reason)
                for reason in error.reasons
            ]
            return None
        self.tally.activating += 1
        if requested.posting is not None:
            self.changes.postings.append(requested.posting)
        self.changes.tasks.append(requested.task)
        return requested

    def _suspicions(self, person: Profile) -> list[Reason]:
        suspicious, shared = self.offers.suspicious, self.world.shared
        return [
            Reason.of(
                "perhaps a duplicate: customer %(customer)s has the same %(column)s",
                customer=str(shared[key]),
                column=column,
            )
            for column, key in contacts(person)
            if key in shared and column in suspicious
        ]

    def _tell(
        self, reading: Reading, owner: Customer, contract: Contract | None, *, changed: bool
    ) -> None:
        """Let later rows know what this one settled; in a dry run, how things would be now."""
        memo, again, line = self.memo, reading.repeats, {"line": reading.line}
        person, number = line, line
        if self.turn.job.dry_run:
            if changed:
                person = {**line, **_foretold_person(owner)}
                for column, key in contacts(owner):
                    memo.tell(f"shared:{key}", {"id": owner.key}, lasting=column in again)
            if contract is not None:
                number = {**line, **_foretold_contract(contract)}
                memo.tell(f"iccid:{contract.iccid.digits}", number, lasting="iccid" in again)
                sold = sale_key(reading.document, self.world.live[owner.id])
                memo.tell(sold, line, lasting="document" in again)
        memo.tell(f"document:{reading.document}", person, lasting="document" in again)
        if reading.msisdn is not None:
            memo.tell(f"msisdn:{reading.msisdn.digits}", number, lasting="msisdn" in again)


_COLUMN_OF = {"name": "full_name"}
"""Columns that are called otherwise than the customer's field."""


def _fault(column: str, code: str, message: str, value: ICCID | MSISDN) -> Fault:
    return Fault(column, code, message, value.digits)


def _birth_faults(reading: Reading, owner: Customer | None) -> list[Fault]:
    """Return that somebody else has the document: a date of birth does not change."""
    told = reading.person.birth_date if reading.person else None
    if told is None or owner is None or owner.birth_date in (None, told):
        return []
    message = "the customer with this document was born on another day"
    return [Fault("birth_date", "born_otherwise", message)]


def _tariff_faults(
    reading: Reading, tariff: Tariff | None, mine: Contract | None
) -> tuple[Fault, ...]:
    code = reading.tariff or ""
    if tariff is None:
        return (Fault("tariff", "tariff_unknown", "no such tariff in the catalog", shown(code)),)
    if mine is not None and mine.tariff_code != code:
        message = f"the contract of this number is on tariff {mine.tariff_code}"
        return (Fault("tariff", "differs", message, code),)
    return ()


def _differing(reading: Reading, person: Profile, owner: Customer) -> dict[str, Any]:
    """Return the fields that the row says otherwise; an empty cell says nothing."""
    found: dict[str, Any] = {}
    if person.name != owner.name:
        found["name"] = person.name
    if person.phone is not None and person.phone != owner.phone:
        found["phone"] = person.phone
    if person.email is not None and person.email != owner.email:
        found["email"] = person.email
    if reading.names_language and person.language != owner.language:
        found["language"] = person.language
    if person.birth_date is not None and owner.birth_date is None:
        found["birth_date"] = person.birth_date
    return found


def _changed(differing: Iterable[str]) -> list[Reason]:
    """Return what a row that makes a contract changed besides: its outcome tells of neither."""
    return [
        Reason.of(
            "changed %(column)s of the customer whom the document belongs to",
            column=_COLUMN_OF.get(field, field),
        )
        for field in differing
    ]


def _contradictions(differing: Iterable[str], line: int) -> list[Fault]:
    message = f"line {line} says otherwise of the same contract"
    return [Fault(_COLUMN_OF.get(field, field), "differs", message) for field in differing]


def _refusal(error: RuleViolated, tariff: Tariff) -> Fault:
    """Return why a contract could not be signed: by the tariff, or by a rule about the customer."""
    if isinstance(error, NotOnSale):
        return Fault("tariff", error.code, str(error), tariff.code)
    return Fault("", error.rule, str(error))


def _foretold_person(owner: Customer) -> dict[str, Any]:
    return {
        "id": owner.key,
        "name": owner.name,
        "phone": owner.phone.digits if owner.phone else None,
        "email": owner.email,
        "language": owner.language,
        "birth_date": owner.birth_date.isoformat() if owner.birth_date else None,
    }


def _foretold_contract(contract: Contract) -> dict[str, Any]:
    return {
        "contract": contract.key,
        "customer": str(contract.customer_id),
        "iccid": contract.iccid.digits,
        "msisdn": contract.msisdn.digits,
        "tariff": contract.tariff_code,
    }
