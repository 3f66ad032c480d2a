"""docs/lifecycles.md is what the tables say."""

from pathlib import Path

from telecom_crm.entrypoints.lifecycles import all_lifecycles, draw

PAGE = Path(__file__).parents[2] / "docs" / "lifecycles.md"


def test_the_committed_page_is_current():
    again = "run: python -m telecom_crm.entrypoints.lifecycles > docs/lifecycles.md"
    assert PAGE.read_text(encoding="utf-8") == draw(all_lifecycles()), again


def test_every_machine_is_drawn_with_every_state():
    machines = {one.machine: one for one in all_lifecycles()}
    assert {"contract", "ticket", "sim", "number", "payment", "refund", "customer"} <= set(machines)
    page = draw(machines.values())
    for lifecycle in machines.values():
        section = page.split(f"## {lifecycle.machine.replace('_', ' ').capitalize()}\n")[1]
        diagram = section.split("```")[1]
        assert all(f" {state}" in diagram for state in lifecycle.states)
