"""The operator console: one module for each area, its pages and its place in the navigation."""

from telecom_crm.entrypoints.http.web.console import (
    accounts,
    applications,
    approvals,
    audit,
    contracts,
    customers,
    dashboard,
    imports,
    network,
    numbers,
    payments,
    roles,
    settings,
    sims,
    tariffs,
    tickets,
    tokens,
    users,
    webhooks,
)
from telecom_crm.entrypoints.http.web.console.account_commands import AccountCommandPages
from telecom_crm.entrypoints.http.web.console.accounts import AccountPages
from telecom_crm.entrypoints.http.web.console.allocating import AllocatingPages
from telecom_crm.entrypoints.http.web.console.application_commands import ApplicationCommandPages
from telecom_crm.entrypoints.http.web.console.applications import ApplicationPages
from telecom_crm.entrypoints.http.web.console.approvals import ApprovalPages
from telecom_crm.entrypoints.http.web.console.audit import AuditPages
from telecom_crm.entrypoints.http.web.console.capturing import CapturePages, RequestPages
from telecom_crm.entrypoints.http.web.console.cash_desk import CashDeskPages
from telecom_crm.entrypoints.http.web.console.changing_payer import ChangingPayerPages
from telecom_crm.entrypoints.http.web.console.compatibility import CompatibilityPages
from telecom_crm.entrypoints.http.web.console.contract_commands import ContractCommandPages
from telecom_crm.entrypoints.http.web.console.contracts import ContractPages
from telecom_crm.entrypoints.http.web.console.customer_fields import CustomerFieldPages
from telecom_crm.entrypoints.http.web.console.customer_notes import CustomerNotePages
from telecom_crm.entrypoints.http.web.console.customers import CustomerPages
from telecom_crm.entrypoints.http.web.console.dashboard import DashboardPages
from telecom_crm.entrypoints.http.web.console.drafts import DraftPages
from telecom_crm.entrypoints.http.web.console.erasing import ErasingPages
from telecom_crm.entrypoints.http.web.console.files import ListFiles
from telecom_crm.entrypoints.http.web.console.home import Home
from telecom_crm.entrypoints.http.web.console.imports import ImportPages
from telecom_crm.entrypoints.http.web.console.me import InvitationPages, MyPages
from telecom_crm.entrypoints.http.web.console.merging import MergingPages
from telecom_crm.entrypoints.http.web.console.network import NetworkPages
from telecom_crm.entrypoints.http.web.console.numbers import NumberPages
from telecom_crm.entrypoints.http.web.console.papers import PaperPages
from telecom_crm.entrypoints.http.web.console.payment_commands import PaymentCommandPages
from telecom_crm.entrypoints.http.web.console.payments import PaymentPages
from telecom_crm.entrypoints.http.web.console.policies import PolicyPages
from telecom_crm.entrypoints.http.web.console.registering import RegisteringPages
from telecom_crm.entrypoints.http.web.console.revealing import RevealingPages
from telecom_crm.entrypoints.http.web.console.roles import RolePages
from telecom_crm.entrypoints.http.web.console.self_care import SelfCarePages
from telecom_crm.entrypoints.http.web.console.selling import SellingPages
from telecom_crm.entrypoints.http.web.console.settings import SettingsPages
from telecom_crm.entrypoints.http.web.console.signing_in import SigningIn
from telecom_crm.entrypoints.http.web.console.sims import SimPages
from telecom_crm.entrypoints.http.web.console.tariffs import OptionPages, TariffPages
from telecom_crm.entrypoints.http.web.console.tickets import TicketPages
from telecom_crm.entrypoints.http.web.console.tokens import TokenPages
from telecom_crm.entrypoints.http.web.console.users import UserPages
from telecom_crm.entrypoints.http.web.console.webhooks import WebhookPages

CONTROLLERS = (
    SigningIn,
    DashboardPages,
    Home,
    CapturePages,
    RequestPages,
    ApplicationPages,
    ApplicationCommandPages,
    CustomerPages,
    CustomerFieldPages,
    CustomerNotePages,
    RegisteringPages,
    RevealingPages,
    ErasingPages,
    SelfCarePages,
    MergingPages,
    NetworkPages,
    ContractPages,
    ContractCommandPages,
    ChangingPayerPages,
    SellingPages,
    DraftPages,
    TariffPages,
    OptionPages,
    CompatibilityPages,
    SimPages,
    NumberPages,
    ImportPages,
    ApprovalPages,
    CashDeskPages,
    AllocatingPages,
    PaymentPages,
    PaymentCommandPages,
    TicketPages,
    UserPages,
    RolePages,
    SettingsPages,
    PaperPages,
    PolicyPages,
    InvitationPages,
    MyPages,
    AccountPages,
    AccountCommandPages,
    TokenPages,
    WebhookPages,
    AuditPages,
    ListFiles,
)
"""Every area's pages."""

ENTRIES = (
    dashboard.ENTRY,
    applications.ENTRY,
    customers.ENTRY,
    contracts.ENTRY,
    tariffs.ENTRY,
    sims.ENTRY,
    numbers.ENTRY,
    imports.ENTRY,
    approvals.ENTRY,
    network.ENTRY,
    payments.ENTRY,
    tickets.ENTRY,
    users.ENTRY,
    roles.ENTRY,
    settings.ENTRY,
    accounts.ENTRY,
    tokens.ENTRY,
    webhooks.ENTRY,
    audit.ENTRY,
)
"""Every area's place in the navigation."""
