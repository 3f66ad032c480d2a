"""What the store has of the people, cards and numbers that a chunk of rows names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.bulk.chunk import Memo, Turn
from telecom_crm.application.bulk.offers import Offers
from telecom_crm.application.bulk.reading import Reading
from telecom_crm.application.duplicates import for_survivor
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.activation import CustomerFacts
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, Contract, ContractCommand
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.identifiers import ICCID, MSISDN, AccountId, ContractId, CustomerId
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.number import NUMBER_LIFECYCLE, Number, NumberCommand
from telecom_crm.domain.profile import Profile
from telecom_crm.domain.sim import SIM_LIFECYCLE, Sim, SimCommand


@attrs.define(kw_only=True)
class World:
    """
    The things that rows are decided on; each row that is applied changes them for the next.

    `shared` says, by phone and by folded e-mail, which customer has it.
    """

    owners: dict[str, CustomerId]
    customers: dict[CustomerId, Customer]
    live: dict[CustomerId, int]
    sims: dict[ICCID, Sim]
    numbers: dict[MSISDN, Number]
    holders: dict[MSISDN, Contract]
    states: dict[AccountId, AccountState]
    shared: dict[str, CustomerId]

    def owner_of(self, document: str) -> Customer | None:
        """Return who has an identity document."""
        owner = self.owners.get(document)
        return None if owner is None else self.customers[owner]


def keys_of(reading: Reading, offers: Offers, *, dry_run: bool) -> list[str]:
    """Return the keys under which earlier chunks may have told something of a row's things."""
    again, keys = reading.repeats, []
    if "document" in again and reading.paper is not None:
        keys.append(f"document:{reading.document}")
        if dry_run:
            keys += [sale_key(reading.document, n) for n in range(1, offers.most_sims + 1)]
    if "msisdn" in again and reading.msisdn is not None:
        keys.append(f"msisdn:{reading.msisdn.digits}")
    if "iccid" in again and reading.iccid is not None:
        keys.append(f"iccid:{reading.iccid.digits}")
    if reading.person is not None:
        keys += [f"shared:{key}" for column, key in contacts(reading.person) if column in again]
    return keys


def sale_key(document: str, count: int) -> str:
    """Return the key that says that a dry run would have sold so many contracts to somebody."""
    return f"sold:{document}:{count}"


def contacts(person: Profile | Customer) -> list[tuple[str, str]]:
    """Return what a person may share with others, by column."""
    found = []
    if person.phone is not None:
        found.append(("phone", person.phone.digits))
    if person.email is not None:
        found.append(("email", person.email.casefold()))
    return found


def world_in(
    tx: Transaction, turn: Turn, readings: Sequence[Reading], offers: Offers, memo: Memo
) -> World:
    """
    Read and hold everything that the rows name, in the order customer, account, contract, SIM,
    number.
    """
    papers = {r.document for r in readings if r.paper is not None}
    owners, customers = _people(tx, papers)
    msisdns = {r.msisdn for r in readings if r.msisdn is not None}
    holders = tx.contracts.by_msisdns(msisdns) if msisdns else {}
    states = _held_for_activation(tx, turn, holders) if turn.job.activate else {}
    live = tx.contracts.count_live(sorted(customers)) if customers else {}
    world = World(
        owners=owners,
        customers=customers,
        live=dict(live),
        sims=dict(tx.sims.get_many({r.iccid for r in readings if r.iccid is not None})),
        numbers={
            msisdn: for_survivor(tx, number)
            for msisdn, number in tx.numbers.get_many(msisdns).items()
        },
        holders=dict(holders),
        states=dict(states),
        shared=_shared(tx, readings, owners, offers),
    )
    for msisdn, holder in holders.items():
        number = world.numbers.get(msisdn)
        if number is None or number.contract_id != holder.id:
            raise Contended(f"number {msisdn.digits}")
    if turn.job.dry_run:
        _foretell(world, turn, readings, offers, memo)
    return world


def _people(
    tx: Transaction, papers: Iterable[str]
) -> tuple[dict[str, CustomerId], dict[CustomerId, Customer]]:
    """Return who has which document; whoever was merged stands for the survivor."""
    found = tx.customers.by_identities(papers)
    customers: dict[CustomerId, Customer] = {}
    wanted = set(found.values())
    while wanted:
        customers |= tx.customers.get_many(wanted)
        merged = {customers[one].merged_into for one in wanted if one in customers}
        wanted = {one for one in merged if one is not None and one not in customers}
    owners = {}
    for document, owner in found.items():
        while (survivor := customers[owner].merged_into) is not None:
            owner = survivor  # noqa: PLW2901  # the survivor's survivor, and so on
        owners[document] = owner
    return owners, {one.id: one for one in customers.values() if one.merged_into is None}


def _held_for_activation(
    tx: Transaction, turn: Turn, holders: dict[MSISDN, Contract]
) -> dict[AccountId, AccountState]:
    """Hold the contracts that may be activated, and their accounts."""
    waiting = {
        msisdn: contract
        for msisdn, contract in holders.items()
        if CONTRACT_LIFECYCLE.can(contract, ContractCommand.REQUEST_ACTIVATION)
    }
    if not waiting:
        return {}
    states = tx.ledger.states({one.account_id for one in waiting.values()}, at=turn.at)
    contracts = tx.contracts.get_many({one.id for one in waiting.values()})
    for msisdn, seen in waiting.items():
        contract = contracts.get(seen.id)
        if contract is None or contract.version != seen.version:
            raise Contended(f"contract {seen.key}")
        holders[msisdn] = contract
    return states


def _shared(
    tx: Transaction, readings: Sequence[Reading], owners: Mapping[str, object], offers: Offers
) -> dict[str, CustomerId]:
    """Return which phones and e-mails of newcomers somebody has already."""
    new = [r.person for r in readings if r.person is not None and r.document not in owners]
    phones: set[str] = set()
    emails: set[str] = set()
    if Match.PHONE in offers.suspicious:
        phones = {person.phone.digits for person in new if person.phone is not None}
    if Match.EMAIL in offers.suspicious:
        emails = {person.email.casefold() for person in new if person.email is not None}
    if not (phones or emails):
        return {}
    found: dict[str, CustomerId] = {}
    for customer_id, phone, email in tx.customers.sharing(phones=phones, emails=emails):
        for value in (phone, email.casefold()):
            if value:
                found.setdefault(value, customer_id)
    return found


# A dry run leaves nothing in the store, so what its earlier chunks told takes the place of that.


def _foretell(
    world: World, turn: Turn, readings: Sequence[Reading], offers: Offers, memo: Memo
) -> None:
    """Make the world as it would be, had the earlier chunks of a dry run been applied."""
    for reading in readings:
        document = reading.document
        if reading.paper and (facts := memo.before(f"document:{document}")) and "id" in facts:
            customer = _foretold_customer(world.owner_of(document), facts, reading.paper, turn)
            world.owners[document] = customer.id
            world.customers[customer.id] = customer
        if reading.person is not None:
            for _, key in contacts(reading.person):
                if facts := memo.before(f"shared:{key}"):
                    world.shared.setdefault(key, CustomerId(UUID(facts["id"])))
    for document in {r.document for r in readings if "document" in r.repeats and r.paper}:
        owner = world.owners.get(document)
        if owner is not None:
            counts = range(1, offers.most_sims + 1)
            sold = sum(memo.before(sale_key(document, n)) is not None for n in counts)
            world.live[owner] = world.live.get(owner, 0) + sold
    for msisdn, number in list(world.numbers.items()):
        facts = memo.before(f"msisdn:{msisdn.digits}")
        if facts and "contract" in facts:
            contract = _foretold_contract(msisdn, facts, turn)
            world.holders[msisdn] = contract
            if NUMBER_LIFECYCLE.can(number, NumberCommand.ASSIGN):
                number = number.assign(contract_id=contract.id, by=turn.by, at=turn.at)  # noqa: PLW2901
            world.numbers[msisdn] = number
    for iccid, sim in list(world.sims.items()):
        facts = memo.before(f"iccid:{iccid.digits}")
        if facts and SIM_LIFECYCLE.can(sim, SimCommand.BIND):
            world.sims[iccid] = sim.bind(
                contract_id=ContractId(UUID(facts["contract"])),
                msisdn=MSISDN(facts["msisdn"]),
                by=turn.by,
                at=turn.at,
            )


def _foretold_customer(
    stored: Customer | None, facts: Mapping[str, Any], paper: IdentityDocument, turn: Turn
) -> Customer:
    known: dict[str, Any] = {
        "name": facts["name"],
        "phone": MSISDN(facts["phone"]) if facts["phone"] else None,
        "email": facts["email"],
        "language": facts["language"],
        "birth_date": date.fromisoformat(facts["birth_date"]) if facts["birth_date"] else None,
    }
    if stored is not None:
        return attrs.evolve(stored, **known)
    customer_id = CustomerId(UUID(facts["id"]))
    profile = Profile(document=paper, **known)
    newcomer = Customer.from_profile(id=customer_id, profile=profile, by=turn.by, at=turn.at)
    return newcomer.activate(by=turn.by, at=turn.at)


def _foretold_contract(msisdn: MSISDN, facts: Mapping[str, Any], turn: Turn) -> Contract:
    return Contract.draft(
        id=ContractId(UUID(facts["contract"])),
        number="",
        customer=CustomerFacts(id=CustomerId(UUID(facts["customer"]))),
        account_id=AccountId(UUID(int=0)),
        iccid=ICCID(facts["iccid"]),
        msisdn=msisdn,
        tariff_code=facts["tariff"],
        tariff_version=1,
        by=turn.by,
        at=turn.at,
    )
