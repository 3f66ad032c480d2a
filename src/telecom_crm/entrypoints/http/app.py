"""The HTTP service: `create_app` for a CRM at hand, `create` for a server process."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import attrs
from litestar import Litestar, Router
from litestar.concurrency import set_asyncio_executor
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.types import Message, Scope

from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import Gate
from telecom_crm.entrypoints.http.api.accounts import AccountController
from telecom_crm.entrypoints.http.api.applications import ApplicationController
from telecom_crm.entrypoints.http.api.approvals import ApprovalController
from telecom_crm.entrypoints.http.api.catalog import (
    CompatibilityController,
    OptionController,
    TariffController,
)
from telecom_crm.entrypoints.http.api.contracts import ContractController
from telecom_crm.entrypoints.http.api.customers import CustomerController
from telecom_crm.entrypoints.http.api.imports import ImportController
from telecom_crm.entrypoints.http.api.inventory import NumberController, SimController, read_number
from telecom_crm.entrypoints.http.api.network import ProvisioningController
from telecom_crm.entrypoints.http.api.notifications import NotificationController
from telecom_crm.entrypoints.http.api.operations import OperationsController
from telecom_crm.entrypoints.http.api.payments import PaymentController
from telecom_crm.entrypoints.http.api.receipts import ReceiptController
from telecom_crm.entrypoints.http.api.reports import ReportController
from telecom_crm.entrypoints.http.api.rules import RuleController
from telecom_crm.entrypoints.http.api.schema import SchemaController
from telecom_crm.entrypoints.http.api.settlements import SettlementController
from telecom_crm.entrypoints.http.api.tickets import TicketController
from telecom_crm.entrypoints.http.api.tokens import AuditController, TokenController
from telecom_crm.entrypoints.http.api.users import SessionController, UserController
from telecom_crm.entrypoints.http.api.webhooks import WebhookController
from telecom_crm.entrypoints.http.calls import Call
from telecom_crm.entrypoints.http.counter import Counter
from telecom_crm.entrypoints.http.hooks.gateways import GatewayController
from telecom_crm.entrypoints.http.limits import Limits
from telecom_crm.entrypoints.http.methods import Methods
from telecom_crm.entrypoints.http.metrics import Metrics, noted, timed
from telecom_crm.entrypoints.http.openapi import schema_of
from telecom_crm.entrypoints.http.proxies import as_asked
from telecom_crm.entrypoints.http.reading import JSON_LIMIT, StrictBody
from telecom_crm.entrypoints.http.served import SERVED, Served, served
from telecom_crm.entrypoints.http.web.app import Gates, gated, handlers, pages_of, routers
from telecom_crm.entrypoints.http.web.gate import PageGate

REQUEST_THREADS = 64
"""How many requests a process works on at once; a waiting payment holds no connection."""


CONTROLLERS = (
    ApplicationController,
    CustomerController,
    SimController,
    NumberController,
    TariffController,
    OptionController,
    CompatibilityController,
    ContractController,
    AccountController,
    PaymentController,
    ReceiptController,
    SettlementController,
    GatewayController,
    TicketController,
    NotificationController,
    ImportController,
    ProvisioningController,
    RuleController,
    UserController,
    SessionController,
    TokenController,
    AuditController,
    OperationsController,
    WebhookController,
    ApprovalController,
    ReportController,
    SchemaController,
)

SERVICES: Mapping[str, Callable[[Crm], object]] = {
    "access": lambda crm: crm.access,
    "accounts": lambda crm: crm.accounts,
    "applying": lambda crm: crm.applying,
    "approvals": lambda crm: crm.approvals,
    "audit": lambda crm: crm.audit,
    "catalog": lambda crm: crm.catalog,
    "contracts": lambda crm: crm.contracts,
    "crm": lambda crm: crm,
    "customers": lambda crm: crm.customers,
    "events": lambda crm: crm.events,
    "exports": lambda crm: crm.exports,
    "imports": lambda crm: crm.imports,
    "intake": lambda crm: crm.intake,
    "inventory": lambda crm: crm.inventory,
    "notifications": lambda crm: crm.notifications,
    "papers": lambda crm: crm.papers,
    "payments": lambda crm: crm.payments,
    "provisioning": lambda crm: crm.provisioning,
    "receipts": lambda crm: crm.receipts,
    "reports": lambda crm: crm.reports,
    "rules": lambda crm: crm.rules,
    "scans": lambda crm: crm.scans,
    "self_care": lambda crm: crm.self_care,
    "settlements": lambda crm: crm.settlements,
    "tickets": lambda crm: crm.tickets,
    "users": lambda crm: crm.users,
    "webhooks": lambda crm: crm.webhooks,
}
"""What handlers may ask for, by the name of their parameter."""


@cache
def routes() -> Litestar:
    """
    Return every route with what stands before it, ready to be served for any CRM.

    They are made once in a process: working out what hundreds of handlers take is dear, and none of
    it is different for another CRM. What is, a handler is given out of the request; see `Served`.
    """
    given = {name: _provide(name) for name in (*SERVICES, "counter", "metrics")}
    return Litestar(
        [Router("/", route_handlers=CONTROLLERS), *routers()],
        dependencies=given | {"number": Provide(read_number, sync_to_thread=False)},
        middleware=[timed, Methods().before, gated],
        exception_handlers=handlers(),
        request_class=Call,
        request_max_body_size=JSON_LIMIT,
        dto=StrictBody,
        return_dto=None,
        openapi_config=None,
        logging_config=None,  # the framework's own writes bodies and headers down
        before_send=[noted, guard],
    )


@attrs.frozen(eq=False)
class App:
    """The routes, served for one CRM: an ASGI application."""

    routes: Litestar
    served: Served
    proxies: tuple[str, ...]
    """Addresses of those whose word on who asks, and over what, is taken."""
    on_shutdown: list[Callable[[], None]]
    """What is let go of when the server stops, in this order."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or go along with the server from its start to its end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            asked = as_asked(scope, self.proxies)
            asked["state"] = {**scope.get("state", {}), SERVED: self.served}
            await self.routes(asked, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for let_go in self.on_shutdown:
            let_go()
        await send({"type": "lifespan.shutdown.complete"})


def create_app(crm: Crm, *, limits: Limits | None = None, operator: str = "") -> App:
    """
    Build the service over a CRM; whoever opened the CRM closes it.

    `operator` is what the pages are headed with.
    """
    limits = limits or Limits()
    metrics, counter = Metrics(), Counter(crm.payments)
    picked = {name: pick(crm) for name, pick in SERVICES.items()}
    at_routes = Served(
        services=picked | {"counter": counter, "metrics": metrics},
        read_phone=crm.read_phone,
        pages=pages_of(crm, operator=operator),
        gates=Gates(Gate(crm.access, limits), PageGate(crm.access, crm.self_care)),
        metrics=metrics,
    )
    return App(routes(), at_routes, proxies=limits.proxies, on_shutdown=[counter.close])


async def guard(message: Message, _: Scope) -> None:
    """Have an answer taken for nothing but what it is called, and kept only where it says so."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Cache-Control", "no-store")  # most of them have personal data


def create() -> App:
    """
    Build the service for one server process, as the settings in its environment say.

    It is the factory for a server with many processes: each opens its own connections, and closes
    them when it stops.
    """
    from telecom_crm.entrypoints.settings import open_crm, read_settings

    # Waiting for the database is most of a request, so there are more threads than processors.
    set_asyncio_executor(ThreadPoolExecutor(REQUEST_THREADS, thread_name_prefix="request"))
    settings = read_settings()
    crm = open_crm(settings)
    limits = Limits(
        requests_per_second=settings.requests_per_second,
        refused_per_minute=settings.refused_per_minute,
        proxies=settings.proxies,
    )
    app = create_app(crm, limits=limits, operator=settings.operator)
    app.on_shutdown.append(crm.close)
    # What is loaded stays: looking through it again and again costs a tenth of the work.
    gc.collect()
    gc.freeze()
    return app


def openapi_document() -> dict[str, Any]:
    """Return the service's OpenAPI document."""
    return schema_of(routes())


def _provide(name: str) -> Provide:
    def provided(scope: Scope) -> object:
        return served(scope).services[name]

    return Provide(provided, sync_to_thread=False)
