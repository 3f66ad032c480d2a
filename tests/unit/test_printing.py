"""Papers while they are being set, which takes its time."""

from collections.abc import Callable, Iterator

import attrs
import pytest

import telecom_crm
from telecom_crm import Crm
from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.domain.paper import PaperKind
from tests.unit.shop import iccid, msisdn


@attrs.define
class SlowPress:
    """Sets data as they are, and lets something happen meanwhile, once."""

    meanwhile: Callable[[], object] | None = None
    jobs: int = 0

    def built_in(self, kind: PaperKind) -> str:
        return kind.value

    def render(self, source: str, data: str) -> bytes:
        self.jobs += 1
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return data.encode()


@pytest.fixture
def crm() -> Iterator[Crm]:
    with telecom_crm.in_memory() as made:
        made.catalog.apply(telecom_crm.demo_catalog())
        made.inventory.receive_sims([SimData(iccid=iccid(1))])
        made.inventory.receive_numbers([NumberData(msisdn=msisdn(1))])
        yield made


def test_an_erasure_while_a_contract_is_set_leaves_no_edition_of_who_they_were(crm):
    person = crm.customers.register(name="Асанова Өмүркан")
    contract = crm.contracts.create(
        customer_id=person.id, iccid=iccid(1), msisdn=msisdn(1), tariff="START"
    )
    crm.contracts.cancel(contract.id)
    press = SlowPress(meanwhile=lambda: crm.customers.erase(person.id))
    papers = attrs.evolve(crm.papers, documents=press)
    printed = papers.contract(contract.id, language="ky").decode()
    [edition] = papers.editions(contract.id)
    assert (press.jobs, edition.data) == (2, printed)
    assert "Асанова" not in printed
