"""Self-care: what subscribers see of what is theirs."""

from litestar import Controller

from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my import money, support
from telecom_crm.entrypoints.http.web.my.money import MyMoney
from telecom_crm.entrypoints.http.web.my.signing_in import MySigningIn
from telecom_crm.entrypoints.http.web.my.support import MySupport

CONTROLLERS: tuple[type[Controller], ...] = (MySigningIn, MyMoney, MySupport)
"""Every area's pages."""

ENTRIES: tuple[Entry, ...] = (money.HOME, money.PAYMENTS, support.ENTRY)
"""The parts of self-care, in the order of the bar at the bottom."""
