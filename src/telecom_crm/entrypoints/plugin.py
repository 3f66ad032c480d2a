"""Adapters by name: a built-in one, or one's own as `module:factory`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from telecom_crm.domain.errors import InvalidValue

if TYPE_CHECKING:
    from dependency_injector.providers import Aggregate


def made(field: str, asked: Any, built_in: Aggregate[Any]) -> Any:
    """
    Return the adapter that is asked for: what is none's name is one itself.

    A factory is called without arguments. Raise `InvalidValue` for `field`, telling the names that
    there are, where the name is not one of them and leads to no factory.
    """
    if not isinstance(asked, str):
        return asked
    if asked in built_in.providers:
        return built_in(asked)
    return _factory(field, asked, sorted(built_in.providers))()


def _factory(field: str, name: str, known: list[str]) -> Any:
    module, colon, factory = name.partition(":")
    there = f"there is {', '.join(known)}; one's own is named as module:factory"
    if not (module and colon and factory):
        raise InvalidValue.of(field, "adapter", f"{name!r} is unknown; {there}", name)
    try:
        found = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"{name!r} cannot be loaded ({error}); {there}"
        raise InvalidValue.of(field, "adapter", message, name) from error
    if not callable(found):
        raise InvalidValue.of(field, "adapter", f"{name!r} is no factory; {there}", name)
    return found
