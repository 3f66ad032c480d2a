"""Self-care: what subscribers see of what is theirs."""

from litestar import Controller

from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.my import home, money, plan, profile, support
from telecom_crm.entrypoints.http.web.my.applying import MyApplying
from telecom_crm.entrypoints.http.web.my.home import MyHome
from telecom_crm.entrypoints.http.web.my.money import MyMoney
from telecom_crm.entrypoints.http.web.my.plan import MyPlan
from telecom_crm.entrypoints.http.web.my.profile import MyProfile
from telecom_crm.entrypoints.http.web.my.signing_in import MySigningIn
from telecom_crm.entrypoints.http.web.my.sim import MySim
from telecom_crm.entrypoints.http.web.my.support import MySupport

CONTROLLERS: tuple[type[Controller], ...] = (
    MySigningIn,
    MyApplying,
    MyHome,
    MyMoney,
    MyPlan,
    MySim,
    MySupport,
    MyProfile,
)
"""Every area's pages."""

ENTRIES: tuple[Entry, ...] = (
    home.ENTRY,
    money.PAYMENTS,
    plan.ENTRY,
    support.ENTRY,
    profile.ENTRY,
)
"""The parts of self-care, in the order of the bar at the bottom."""
