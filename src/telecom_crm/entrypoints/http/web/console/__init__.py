"""The operator console: one module for each area, its pages and its place in the navigation."""

from telecom_crm.entrypoints.http.web.console import (
    accounts,
    approvals,
    audit,
    customers,
    imports,
    payments,
    tariffs,
    tickets,
    tokens,
    users,
)
from telecom_crm.entrypoints.http.web.console.accounts import AccountPages
from telecom_crm.entrypoints.http.web.console.approvals import ApprovalPages
from telecom_crm.entrypoints.http.web.console.audit import AuditPages
from telecom_crm.entrypoints.http.web.console.cash_desk import CashDeskPages
from telecom_crm.entrypoints.http.web.console.customers import CustomerPages
from telecom_crm.entrypoints.http.web.console.home import Home
from telecom_crm.entrypoints.http.web.console.imports import ImportPages
from telecom_crm.entrypoints.http.web.console.me import InvitationPages, MyPages
from telecom_crm.entrypoints.http.web.console.payments import PaymentPages
from telecom_crm.entrypoints.http.web.console.signing_in import SigningIn
from telecom_crm.entrypoints.http.web.console.tariffs import TariffPages
from telecom_crm.entrypoints.http.web.console.tickets import TicketPages
from telecom_crm.entrypoints.http.web.console.tokens import TokenPages
from telecom_crm.entrypoints.http.web.console.users import UserPages

CONTROLLERS = (
    SigningIn,
    Home,
    CustomerPages,
    TariffPages,
    ImportPages,
    ApprovalPages,
    CashDeskPages,
    PaymentPages,
    TicketPages,
    UserPages,
    InvitationPages,
    MyPages,
    AccountPages,
    TokenPages,
    AuditPages,
)
"""Every area's pages."""

ENTRIES = (
    customers.ENTRY,
    tariffs.ENTRY,
    imports.ENTRY,
    approvals.ENTRY,
    payments.ENTRY,
    tickets.ENTRY,
    users.ENTRY,
    accounts.ENTRY,
    tokens.ENTRY,
    audit.ENTRY,
)
"""Every area's place in the navigation."""
