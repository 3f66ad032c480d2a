"""The container: every provider can be built, which the framework itself does not check."""

import inspect

import pytest
from dependency_injector import providers

from telecom_crm.entrypoints.container import Container, Options, Store
from telecom_crm.entrypoints.crm import Crm

BUILT = {name: p for name, p in Container.providers.items() if name not in ("database", "chosen")}


@pytest.mark.parametrize("name", BUILT)
def test_every_provider_builds_in_memory(name: str) -> None:
    container = Container(options=Options(store=Store.MEMORY))
    assert container.providers[name]() is not None


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
