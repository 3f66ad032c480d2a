"""The commands of the console's pages: each can be reached, taken back, and shown."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from telecom_crm.entrypoints.http.web import console
from telecom_crm.entrypoints.http.web.assets import STATIC
from telecom_crm.entrypoints.http.web.console import CONTROLLERS
from telecom_crm.entrypoints.http.web.console.commands import Commands
from telecom_crm.entrypoints.http.web.console.tariffs import OPTIONS, TARIFFS

MODULES = [
    import_module(f"{console.__name__}.{one.name}") for one in iter_modules(console.__path__)
]
TABLES = {
    f"{module.__name__.rpartition('.')[2]}.{name}": found
    for module in MODULES
    for name, found in vars(module).items()
    if isinstance(found, Commands)
} | {"tariffs": TARIFFS.commands, "options": OPTIONS.commands}


def paths(controller: Any) -> set[str]:
    handlers = [getattr(controller, name) for name in dir(controller)]
    found = {path for one in handlers for path in getattr(one, "paths", ())}
    return {f"{controller.path}{path}" for path in found}


PATHS = {path for controller in CONTROLLERS for path in paths(controller)}
NAMED = "/{command:str}"


def test_there_are_tables():
    assert len(TABLES) >= 14


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_command_is_named_once_and_taken_back_by_another(table):
    names = [one.name for one in table.table]
    assert len(set(names)) == len(names)
    assert {one.undo for one in table.table} - {""} <= set(names)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_each_command_has_an_icon_that_there_is(table):
    icons = (STATIC / "icons.svg").read_text()
    assert [one.icon for one in table.table if f'id="{one.icon}"' not in icons] == []


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_no_page_stands_in_the_way_of_a_command(controller):
    things = {path.removesuffix(NAMED) for path in paths(controller) if path.endswith(NAMED)}
    own = controller.__module__.rpartition(".")[2]
    tables = [table for name, table in TABLES.items() if name.partition(".")[0] == own]
    names = {one.name for table in tables for one in table.table}
    assert not things or names
    assert {f"{thing}/{name}" for thing in things for name in names} & PATHS == set()
