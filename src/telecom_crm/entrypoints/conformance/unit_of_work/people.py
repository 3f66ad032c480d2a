"""What every store has to do: who has what, and whom facts and names lead to."""

from __future__ import annotations

import attrs
import pytest

from telecom_crm.application.ports import FormerValue, IdentityTaken, Query
from telecom_crm.domain.application import Priority
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import ApplicationId, CustomerId
from telecom_crm.domain.profile import Address
from telecom_crm.domain.search import words_fit, words_of
from telecom_crm.entrypoints.conformance.machine import all_on, refused
from telecom_crm.entrypoints.conformance.samples import (
    OPERATOR,
    TODAY,
    Samples,
    identity_document,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    a_captured_application,
    a_sale,
    an_application,
    save_sale,
)


class People(StoreSuite):
    """Who has what, and whom facts and names lead to."""

    def test_a_document_belongs_to_one_customer(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.customer(document="AN 100"), samples.customer(document="an-100")
        with uow() as tx:
            tx.customers.save(first)
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(second)
        assert taken.value.customer_id == first.id
        with uow(read_only=True) as tx:
            assert list(tx.customers.by_identities(second.identities).values()) == [first.id]
            assert tx.customers.get_many([second.id]) == {}

    def test_a_national_id_belongs_to_one_customer(self) -> None:
        uow, samples = self.make(), Samples()
        first = samples.customer(national_id="21503 1990 00123")
        second, third = samples.customer(national_id="21503199000123"), samples.customer()
        with uow() as tx:
            tx.customers.save_all([first, third])
            third = tx.customers.get(third.id)
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(second)
        assert taken.value.customer_id == first.id
        claimed = third.update(
            changes={"national_id": second.national_id}, today=TODAY, **samples.said()
        )
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(claimed)
        assert taken.value.customer_id == first.id
        with uow() as tx:
            held = tx.customers.get(first.id)
            tx.customers.save(
                held.update(changes={"national_id": None}, today=TODAY, **samples.said())
            )
            tx.customers.save(second)
            assert tx.customers.by_identities(first.identities) == {
                "national_id:21503199000123": second.id
            }

    def test_a_document_that_was_given_up_is_free(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.customer(document="AN100"), samples.customer(document="AN100")
        changes = {"documents": (identity_document("AN200"),)}
        with uow() as tx:
            tx.customers.save(first)
        with uow() as tx:
            held = tx.customers.get(first.id)
            tx.customers.save(held.update(changes=changes, today=TODAY, **samples.said()))
        with uow() as tx:
            tx.customers.save(second)
        with uow(read_only=True) as tx:
            found = tx.customers.by_identities(second.identities)
        assert set(found.values()) == {second.id}

    def test_a_number_leads_to_the_contract_that_holds_it_now(self) -> None:
        uow, samples = self.make(), Samples()
        sale, free = a_sale(samples), samples.number()
        with uow() as tx:
            save_sale(tx, sale)
            tx.numbers.save(free)
        numbers = [sale.number.msisdn, free.msisdn]
        with uow(read_only=True) as tx:
            assert tx.contracts.by_msisdns(numbers) == {numbers[0]: sale.contract}
        with uow() as tx:
            held = tx.numbers.get(numbers[0])
            tx.numbers.save(held.unassign(contract_was_active=False, **samples.said()))
        with uow(read_only=True) as tx:
            assert tx.contracts.by_msisdns(numbers) == {}

    def test_former_values_are_kept_and_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        values = [
            FormerValue(
                customer_id=customer.id, field="name", value=name, at=samples.tick(), by=OPERATOR
            )
            for name in ("Айгүл", "Aigul")
        ]
        with uow() as tx:
            tx.customers.save(customer)
            tx.customers.remember(values)
        with uow(read_only=True) as tx:
            assert tx.customers.former_values(customer.id) == values
        with uow() as tx:
            tx.customers.forget(customer.id)
        with uow(read_only=True) as tx:
            assert tx.customers.former_values(customer.id) == []

    def test_lookalikes_share_a_fact(self) -> None:
        uow, samples = self.make(), Samples()
        alike = samples.customer(
            email="Ann@Example.org", phone="+996555123456", birth_date="1990-01-31", document="AN 1"
        )
        other = samples.customer(email="bek@example.org")
        newcomer = samples.customer(email="ann@example.org")
        with uow() as tx:
            tx.customers.save_all([alike, other])
        with uow(read_only=True) as tx:
            found = tx.customers.lookalikes([newcomer, other], limit=5)
            assert found == {newcomer.id: [Candidate.of_customer(alike)], other.id: []}
            assert tx.customers.lookalikes([], limit=5) == {}

    def test_customers_are_listed_by_the_city_of_their_first_address(self) -> None:
        uow, samples = self.make(), Samples()
        cities: list[list[str]] = [["Бишкек"], ["БИШКЕК "], ["Osh", "Бишкек"], [""], []]
        some = [samples.customer(addresses=[Address(city=city) for city in own]) for own in cities]
        with uow() as tx:
            tx.customers.save_all(some)

        def found(**where: str) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.customers.page(Query(where=where)).items]

        assert found(city=" бишкек") == [one.id for one in some[:2]]
        assert found(city="OSH", status="prospect") == [some[2].id]
        assert found(city="Osh", status="closed") == found(city="") == found(city="Кант") == []
        with uow() as tx:
            held = tx.customers.get(some[0].id)
            tx.customers.save(held.update(changes={"addresses": ()}, today=TODAY, **samples.said()))
        assert found(city="Бишкек") == [some[1].id]

    def test_customers_are_searched_by_names_and_ends_of_numbers(self) -> None:
        uow, samples = self.make(), Samples()
        one = samples.customer(phone="+996555123456", email="Ann@example.org", document="AN 77 88")
        other = samples.customer()
        account = samples.account(other.id)
        sim, number = samples.sim(), samples.number()
        contract = samples.contract(
            customer_id=other.id, account_id=account.id, sim=sim, number=number
        )
        with uow() as tx:
            tx.customers.save_all([one, other])
            tx.accounts.save(account)
            tx.sims.save(sim)
            tx.numbers.save(number)
            tx.contracts.save(contract)

        def found(text: str, limit: int = 9) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [customer.id for customer in tx.customers.search(text, limit=limit)]

        for text in ("айгүл", "АЙГ", "aigul o'n", "Nil Aygul", "о нил"):
            assert found(text) == [one.id, other.id], text
        assert found("o", limit=1) == [one.id]
        for text in ("123456", "+996 (555) 123-456", " ANN@example.org ", "an-7788"):
            assert found(text) == [one.id], text
        digits = contract.msisdn.digits
        iccid = sim.iccid.digits
        for text in (contract.number.lower(), contract.number[2:], digits, digits[-7:], iccid):
            assert found(text) == [other.id], text
        blocked = other.block(reason="fraud", **samples.said())
        with uow() as tx:
            tx.customers.save(attrs.evolve(blocked, events=blocked.events[-1:]))

        def left(text: str, limit: int = 1, **where: str) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.customers.search(text, where=where, limit=limit)]

        for text in ("o", digits, iccid, contract.number):
            assert left(text, status="blocked") == [other.id], text
            assert left(text, status="blocked", kind="organisation") == [], text
        assert left("o", status="prospect") == left("an-7788", status="prospect") == [one.id]
        with refused(InvalidValue):
            left("o", status="odd")
        for text in ("", " ", "%", "_", "' & | ! :* \\", "ь", "йг", "2345", "nobody 123456", "a@b"):
            assert found(text) == [], text

    def test_any_text_finds_the_names_that_have_its_words(self) -> None:
        uow, samples = self.make(), Samples()
        names = ("x'\\ %_ y", "字é🙂 ﷺ", "Щ" * 200, "İSTANBUL ŉ", "ь ъ", "١٢ ½ 007", "한국 Ёж")
        made = [attrs.evolve(samples.customer(), name=name) for name in names]
        with uow() as tx:
            tx.customers.save_all(made)
        others = ("':* | !x <-> y", "k", "1", "0", "xxx", "ёёёё")
        for text in (*names, *(name[:2] for name in names), *others):
            asked = tuple((word,) for word in words_of(text))
            wanted = [one.id for one in made if asked and words_fit(words_of(one.name), asked)]
            with uow(read_only=True) as tx:
                found = tx.customers.search(text, limit=9)
            assert [one.id for one in found] == wanted, text

    def test_a_letter_too_many_hides_nobody_and_only_one_letter_finds_nobody(self) -> None:
        uow, samples = self.make(), Samples()
        names = ("Schifffahrt", "Анна", "Ева")
        with uow() as tx:
            tx.customers.save_all([attrs.evolve(samples.customer(), name=name) for name in names])

        def found(text: str) -> list[str]:
            with uow(read_only=True) as tx:
                return [one.name for one in tx.customers.search(text, limit=9)]

        assert found("schiffahrt") == found("Schifff") == ["Schifffahrt"]
        assert found("аннна") == ["Анна"]
        assert found("ааа") == found("EEEE") == []

    def test_applications_are_searched_by_number_name_and_phone(self) -> None:
        uow, samples = self.make(), Samples()
        both = [
            an_application(samples, Priority.LOW, name=name, phone=phone)
            for name, phone in (("Жээнбек-Уулу Ann", "+996 555 123456"), ("Annette", ""))
        ]
        with uow() as tx:
            tx.applications.save_all(both)

        def found(text: str, limit: int = 9) -> list[ApplicationId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.applications.search(text, limit=limit)]

        first, second = (one.id for one in both)
        assert found("ann") == [second, first]
        assert found("ANN", limit=1) == [second]
        held = both[0].cancel(contract_active=False, **samples.said())
        with uow() as tx:
            tx.applications.save(attrs.evolve(held, events=held.events[-1:]))
        with uow(read_only=True) as tx:
            left = tx.applications.search("ann", where={"status": "cancelled"}, limit=1)
            assert [one.id for one in left] == [first]
            with refused(InvalidValue):
                tx.applications.search("ann", where={"status": "odd"}, limit=1)
        for text in ("уулу жээн", "жээнбек-уулу", "3456", "996555", "+996 (555) 12-34-56"):
            assert found(text) == [first], text
        assert found(both[1].number.lower()) == [second]
        for text in ("", "'", "ann & | ! :*", "nobody", "12"):
            assert found(text) in ([], [second, first]), text
        assert found("2345") == []
        with uow() as tx:
            tx.applications.save(tx.applications.get(first).erase(**samples.said()))
        assert found("3456") == []

    def test_what_ended_for_nobody_is_found_until_it_is_erased(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        ended = [
            an_application(samples, Priority.LOW).cancel(contract_active=False, **samples.said())
            for _ in range(4)
        ]
        going, own = (an_application(samples, Priority.LOW) for _ in range(2))
        own = own.link(customer_id=customer.id, **samples.said())
        own = own.cancel(contract_active=False, **samples.said())
        last = ended[3].ended_at
        assert last is not None
        with uow() as tx:
            tx.customers.save(customer)
            tx.applications.save_all([*ended, going, own])
        with uow() as tx:
            found = all_on(lambda at: tx.applications.ended_for_nobody(last, limit=2, cursor=at))
            assert [one.id for one in found] == [one.id for one in ended[:3]]
            first = tx.applications.get(ended[0].id)
            tx.applications.save(first.erase(**samples.said()))
        with uow(read_only=True) as tx:
            left = tx.applications.ended_for_nobody(samples.tick(), limit=9).items
            assert [one.id for one in left] == [one.id for one in ended[1:]]

    def test_what_was_not_answered_in_time_is_found_until_it_is(self) -> None:
        uow, samples = self.make(), Samples()
        asked = [
            a_captured_application(samples, Priority.LOW).ask(
                reason="scan", until=samples.tick(), **samples.said()
            )
            for _ in range(4)
        ]
        waits = a_captured_application(samples, Priority.LOW).ask(reason="scan", **samples.said())
        last = asked[2].answer_by
        assert last is not None
        with uow() as tx:
            tx.applications.save_all([*asked, waits])
        with uow() as tx:
            found = all_on(lambda at: tx.applications.answers_over(last, limit=2, cursor=at))
            assert [one.id for one in found] == [one.id for one in asked[:3]]
            first = tx.applications.get(asked[0].id)
            tx.applications.save(first.supply(raw={"more": "x"}, **samples.said()))
        with uow(read_only=True) as tx:
            left = tx.applications.answers_over(samples.tick(), limit=9).items
            assert [one.id for one in left] == [one.id for one in asked[1:]]
