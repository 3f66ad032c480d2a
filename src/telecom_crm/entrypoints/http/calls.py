"""What a request says beside its body: who sends it, its query, its key and the version it saw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints
from urllib.parse import parse_qsl

import attrs
import msgspec
from litestar import Request
from litestar.datastructures import State

from telecom_crm.application.ports import FILTERS, Query, TableFormat
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.application import Application
from telecom_crm.domain.approval import Approval
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.importing import ImportJob
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.notification import Notification
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import Payment
from telecom_crm.domain.provisioning import ProvisioningTask
from telecom_crm.domain.role import Rights, Visitor
from telecom_crm.domain.session import Session
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Option, Tariff
from telecom_crm.domain.text import is_digits
from telecom_crm.domain.ticket import Ticket
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.domain.webhook import Webhook
from telecom_crm.entrypoints.http.access import address_in
from telecom_crm.entrypoints.http.bodies import SCHEMAS, IccidText, MsisdnText, read_instant
from telecom_crm.entrypoints.http.keys import read_key
from telecom_crm.entrypoints.http.problems import Malformed
from telecom_crm.entrypoints.http.reading import body_class
from telecom_crm.entrypoints.http.served import served

TEXT_LIMIT = 1000
SEEN_HEADER = "If-Match"


@attrs.frozen(kw_only=True)
class Parameter:
    """One parameter of a query: how it is read, and how it is described."""

    name: str
    schema: Mapping[str, Any]
    read: Callable[[str], Any] = str
    required: bool = False
    description: str = ""


class Call(Request[Visitor, Any, State]):
    """A request, as handlers see it."""

    __slots__ = ()

    @property
    def by(self) -> Actor:
        """Who gives the command."""
        return self.user.actor

    @property
    def rights(self) -> Rights:
        """What they may do."""
        return self.user.rights

    @property
    def address(self) -> str:
        """Where it comes from, past proxies of ours."""
        return address_in(self.scope)

    @property
    def seen(self) -> int | None:
        """The version in `If-Match`: None where any will do, for nonsense one that never was."""
        tag = self.headers.get(SEEN_HEADER)
        if tag is None or tag.strip() == "*":
            return None
        # Proxies that compress weaken a tag; the version it names is the same.
        digits = tag.strip().removeprefix("W/").strip('"')
        sane = is_digits(digits) and len(digits) < 16
        return int(digits) if sane else -1

    @property
    def key(self) -> str | None:
        """The idempotency key; raise `Malformed` where the route needs one and none came."""
        return read_key(self)

    async def body(self) -> bytes:
        """Return the body; where JSON is awaited, none at all says as much as `{}`."""
        found = await super().body()
        return found or (b"{}" if body_class(self.route_handler) is not None else b"")

    def given(self) -> dict[str, Any]:
        """Return the query's parameters as read, with every fault at once."""
        known: tuple[Parameter, ...] = self.route_handler.opt["query"]
        named = {one.name: self._at_home(one) for one in known}
        return _read_query(self.scope["query_string"], named)

    def query(self, **fixed: str) -> Query:
        """Return the query of a list; `fixed` are filters that the route itself sets."""
        given = self.given()
        limit, cursor, sort = (given.pop(name, None) for name in ("limit", "cursor", "sort"))
        return Query(
            where={**given, **fixed},
            limit=50 if limit is None else limit,
            cursor=cursor,
            descending=bool(sort and sort.startswith("-")),
        )

    def _at_home(self, parameter: Parameter) -> Parameter:
        """Return a parameter that is a phone number as one that is read as people write it here."""
        if parameter.schema != SCHEMAS[MsisdnText]:
            return parameter
        read_phone = served(self.scope).read_phone
        return attrs.evolve(parameter, read=lambda raw: str(read_phone(raw)))


def read_whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers within bounds."""

    def read(raw: str) -> int:
        digits = raw.removeprefix("-")
        sane = is_digits(digits) and len(digits) < 16
        if not (sane and lowest <= int(raw) <= highest):
            message = f"a whole number from {lowest} to {highest}"
            raise InvalidValue.of("number", "number", message)
        return int(raw)

    return read


def read_choice(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of some texts."""

    def read(raw: str) -> str:
        if raw not in choices:
            raise InvalidValue.of("choice", "choice", f"one of {', '.join(choices)}")
        return raw

    return read


def read_flag(raw: str) -> bool:
    """Read `true` or `false`."""
    return read_choice("true", "false")(raw) == "true"


LIMIT = Parameter(
    name="limit",
    schema={"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    read=read_whole(1, 500),
    description="How many at most.",
)
CURSOR = Parameter(
    name="cursor",
    schema={"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT},
    description="Where to go on: `next` of the page before.",
)


FORMAT = Parameter(
    name="format",
    schema={"type": "string", "enum": list(TableFormat), "default": "csv"},
    read=read_choice(*TableFormat),
    description="The kind of file.",
)


def instant_parameter(name: str, *, required: bool = False, description: str = "") -> Parameter:
    """Return a parameter that is an instant."""
    schema = {"type": "string", "format": "date-time"}
    return Parameter(
        name=name, schema=schema, read=read_instant, required=required, description=description
    )


def listing(kind: str, *, key: str = "id", without: tuple[str, ...] = ()) -> tuple[Parameter, ...]:
    """Return the parameters of a list of things: its filters, and where and how far to read."""
    hints = get_type_hints(_KINDS[kind])
    filters = (
        Parameter(name=field, schema=_schema_of(hints.get(field)))
        for field in FILTERS[kind]
        if field not in without
    )
    return (*filters, LIMIT, CURSOR, by_key(key))


def by_key(key: str) -> Parameter:
    """Return the parameter of a list that is in one order, or in the other way round."""
    order = (key, f"-{key}")
    return Parameter(
        name="sort",
        schema={"type": "string", "enum": list(order), "default": key},
        read=read_choice(*order),
        description="In order of the key (mostly, of their making), or the other way round.",
    )


_KINDS: Mapping[str, type] = {
    "customer": Customer,
    "application": Application,
    "sim": Sim,
    "number": Number,
    "tariff": Tariff,
    "option": Option,
    "contract": Contract,
    "account": BillingAccount,
    "payment": Payment,
    "provisioning_task": ProvisioningTask,
    "ticket": Ticket,
    "import_job": ImportJob,
    "notification": Notification,
    "token": Token,
    "webhook": Webhook,
    "approval": Approval,
    "user": User,
    "session": Session,
}


def _schema_of(hint: Any) -> dict[str, Any]:
    """Describe a filter by the type of the field it compares."""
    plain = msgspec.inspect.type_info(hint) if hint is not None else None
    members = plain.types if isinstance(plain, msgspec.inspect.UnionType) else (plain,)
    for member in members:
        if isinstance(member, msgspec.inspect.EnumType):
            return {"type": "string", "enum": [one.value for one in member.cls]}
        if isinstance(member, msgspec.inspect.UUIDType):
            return {"type": "string", "format": "uuid"}
        if getattr(member, "cls", None) is MSISDN:
            return SCHEMAS[MsisdnText]
        if getattr(member, "cls", None) is ICCID:
            return SCHEMAS[IccidText]
    return {"type": "string", "maxLength": TEXT_LIMIT}


def _read_query(raw: bytes, known: Mapping[str, Parameter]) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except ValueError:
        raise Malformed((Fault("query", "not_text", "percent-encoded UTF-8"),)) from None
    faults, values = Faults(), {}
    for name, value in pairs:
        if name not in known:
            faults.extend([Fault.unknown(_printable(name), known)])
        elif name in values:
            faults.add(name, "twice", "may be given once")
        elif not _lengths(known[name])[0] <= len(value) <= _lengths(known[name])[1]:
            shortest, longest = _lengths(known[name])
            faults.add(name, "length", f"{shortest} to {longest} characters")
        elif not value.isprintable():
            faults.add(name, "text", "printable characters")
        else:
            values[name] = faults.check(name, known[name].read, value)
    for name, parameter in known.items():
        if parameter.required and name not in {given for given, _ in pairs}:
            faults.add(name, "missing", "is required")
    faults.raise_any()
    return values


def _lengths(parameter: Parameter) -> tuple[int, int]:
    schema = parameter.schema
    return schema.get("minLength", 0), schema.get("maxLength", TEXT_LIMIT)


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in name[:60])
