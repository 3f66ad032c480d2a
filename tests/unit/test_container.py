"""The container: every provider can be built, which the framework itself does not check."""

import inspect
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from dependency_injector import providers

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.container import Container, Options, Store
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.periods import Periods

ALL = {name: p for name, p in Container.providers.items() if name not in ("database", "chosen")}
NAMED = [
    (name, key)
    for name, p in ALL.items()
    if isinstance(p, providers.Aggregate)
    for key in p.providers
]
BUILT = {name: p for name, p in ALL.items() if not isinstance(p, providers.Aggregate)}


@pytest.mark.parametrize("name", BUILT)
def test_every_provider_builds_in_memory(name: str) -> None:
    container = Container(options=Options(store=Store.MEMORY))
    assert container.providers[name]() is not None


@pytest.mark.parametrize(("name", "key"), NAMED)
def test_every_adapter_that_has_a_name_builds(name: str, key: str, tmp_path: Path) -> None:
    container = Container(options=Options(store=Store.MEMORY, data=tmp_path))
    assert container.providers[name](key) is not None


@pytest.mark.parametrize("name", BUILT)
def test_every_keyword_of_a_provider_is_one_that_the_class_takes(name: str) -> None:
    provider = BUILT[name]
    if isinstance(provider, providers.Singleton) and provider.provides:
        taken = inspect.signature(provider.provides).parameters
        assert set(provider.kwargs) <= set(taken)


def test_a_store_has_an_adapter_for_each_kind() -> None:
    selectors = [p for p in BUILT.values() if isinstance(p, providers.Selector)]
    assert selectors
    for selector in selectors:
        assert set(selector.providers) == set(Store)


def test_services_share_one_store_and_operators_share_nothing() -> None:
    one = Container(options=Options(store=Store.MEMORY)).crm()
    other = Container(options=Options(store=Store.MEMORY)).crm()
    assert isinstance(one, Crm)
    assert one.customers.uow is one.contracts.uow is one.payments.uow
    assert one.customers.uow is not other.customers.uow


def test_the_operators_periods_reach_the_services() -> None:
    odd = Periods(
        **{
            field.name: timedelta(seconds=number)
            for number, field in enumerate(attrs.fields(Periods), 1)
        }
    )
    crm = Container(options=Options(store=Store.MEMORY, periods=odd, zone="Asia/Almaty")).crm()
    used = Periods(
        draft=crm.contracts.draft_lasts,
        quarantine=crm.contracts.quarantine,
        reservation=crm.inventory.reservation_lasts,
        claim=crm.intake.lease,
        answer=crm.intake.answer_within,
        application=crm.intake.kept_for,
        network=crm.provisioning.lease,
        payment=crm.payments.patience,
        message=crm.notifications.wanted_for,
    )
    assert used == odd
    assert crm.inventory.quarantine == odd.quarantine
    assert crm.rules.service_levels().calendar.zone.key == "Asia/Almaty"
    assert crm.tickets.zone.key == "Asia/Almaty"
    assert used != Periods()


def test_a_period_is_some_time() -> None:
    with pytest.raises(InvalidValue) as caught:
        Periods(draft=timedelta(0), network=timedelta(seconds=-1))
    assert [fault.field for fault in caught.value.faults] == ["periods.draft", "periods.network"]


def test_where_nothing_is_said_services_wait_as_long_by_themselves() -> None:
    crm = Container(options=Options(store=Store.MEMORY)).crm()
    for service in (crm.contracts, crm.inventory, crm.intake, crm.provisioning, crm.notifications):
        for field in attrs.fields(type(service)):
            if isinstance(field.default, timedelta):
                assert getattr(service, field.name) == field.default
    assert crm.payments.patience == attrs.fields(type(crm.payments)).patience.default
