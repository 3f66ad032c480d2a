"""Self-care: what subscribers see of what is theirs."""

from litestar import Controller

from telecom_crm.entrypoints.http.web.menu import Entry

CONTROLLERS: tuple[type[Controller], ...] = ()
"""Every area's pages."""

ENTRIES: tuple[Entry, ...] = ()
"""The parts of self-care, in the order of the bar at the bottom."""
