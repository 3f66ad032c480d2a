"""The container: every provider can be built, which the framework itself does not check."""

import inspect
from pathlib import Path

import pytest
from dependency_injector import providers

from telecom_crm.entrypoints.container import Container, Options, Store
from telecom_crm.entrypoints.crm import Crm

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
