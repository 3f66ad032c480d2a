"""What the audit tells, in the words of whoever reads it."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import attrs
import pytest

import telecom_crm
from telecom_crm.application.audit import KEPT
from telecom_crm.application.declared import plain
from telecom_crm.application.rules import DEFAULT_SERVICE_LEVELS
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.application import CORRECTABLE_FIELDS
from telecom_crm.domain.brand import Brand
from telecom_crm.domain.change import Change
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.deduplication import DEFAULT_RULES
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.policy import DEFAULT_POLICIES
from telecom_crm.domain.regulation import Regulations
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Option
from telecom_crm.domain.user import Preferences
from telecom_crm.domain.validation import DEFAULT_VALIDATION
from telecom_crm.entrypoints.http.web import i18n
from telecom_crm.entrypoints.http.web.audit_labels import (
    AUDITED,
    FIELDS,
    RULES_OF,
    THINGS,
    field,
)
from telecom_crm.entrypoints.http.web.audit_values import (
    KINDS,
    NAMED,
    keys_told,
    kinds_told,
    worded,
)
from telecom_crm.entrypoints.http.web.console.naming import KINDS as KINDS_OF_THINGS
from telecom_crm.entrypoints.http.web.console.naming import SAID_BY_KEYS
from telecom_crm.entrypoints.http.web.labels import LABELS, label
from telecom_crm.entrypoints.lifecycles import all_lifecycles

SOURCES = Path(telecom_crm.__file__).parent
FILES = (".attachment", ".document", ".scan")
"""How accesses to files of things are called."""
NOT_TOLD = {"events", "version", "id", "known", "replayed"}
"""What an entity has that no event names as a field."""
AS_WRITTEN = {"ICCID", "IMSI", "ID", "PIN", "PIN 2", "PUK", "PUK 2", "E-mail"}
"""What is called the same in every language."""


def payloads() -> Iterator[str]:
    """Yield every name that an event is given in the sources."""
    for folder in ("domain", "application"):
        for path in (SOURCES / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield from _names_in(node)


def _names_in(node: ast.AST) -> Iterator[str]:
    given: ast.AST | None = None
    if isinstance(node, ast.keyword) and node.arg == "payload":
        given = node.value
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {name for one in targets if (name := getattr(one, "id", None))}
        given = node.value if names & {"payload"} else None
    elif isinstance(node, ast.FunctionDef) and node.name in (
        *("_names", "_amount_of", "_refund_names", "_taken", "_holding", "_terms_changed"),
    ):
        given = node
    for one in ast.walk(given) if given else ():
        if isinstance(one, ast.Dict):
            yield from (str(k.value) for k in one.keys if isinstance(k, ast.Constant))


def nodes(*folders: str) -> Iterator[tuple[Path, ast.AST]]:
    """Yield everything written in folders or files of the sources, and where."""
    for one in folders:
        for path in (SOURCES / one).rglob("*.py"):
            yield from ((path, node) for node in ast.walk(ast.parse(path.read_text("utf-8"))))


def meant(path: Path, node: ast.expr) -> set[str]:
    """Return the words that an expression of a file may be; none for what is handed on."""
    match node:
        case ast.Constant(str(word)):
            return {word} - {""}
        case ast.IfExp(body=one, orelse=other):
            return meant(path, one) | meant(path, other)
        case ast.Name(name) if name.isupper():
            module = path.relative_to(SOURCES.parent).with_suffix("")
            return {getattr(import_module(".".join(module.parts)), name)}
    assert ast.unparse(node) in HANDED_ON, f"{path}: {ast.unparse(node)}"
    return set()


HANDED_ON = {
    *("thing", "self.machine", "kind"),
    "USER_LIFECYCLE.machine",  # as are those of all lifecycles
    "action.partition('.')[0]",  # as is a scan's or a file's, which AUDITED names
}
"""What stands for a word that is told elsewhere."""


WRITES = {"AuditRecord", "Event", "watched", "count_attempts", "permit", "record", "_count"}
"""What is given the thing that it writes an event or a line of the audit about."""
LISTS = {"_sent", "_offers"}
"""What writes a list of things, which its third argument says, to a file."""


def things_told() -> set[str]:
    """Return what the sources write events and lines of the audit about."""
    found = {one.machine for one in all_lifecycles()}
    found |= {one.partition(".")[0] for one in AUDITED if one.endswith(FILES)}
    for path, node in nodes("domain", "application", "entrypoints/http"):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            told = [one.value for one in node.keywords if one.arg == "thing" and name in WRITES]
            for one in (*told, *(node.args[2:3] if name in LISTS else ())):
                found |= meant(path, one)
    return found


def rules_told() -> set[str]:
    """Return the kinds of rules that the sources read and put."""
    found = set[str]()
    for path, node in nodes("domain", "application"):
        match node:
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name("tx"), "rules")), [kind, *_]):
                found |= meant(path, kind)
    return found


def named(kind: type[Any]) -> set[str]:
    return {one.name for one in attrs.fields(kind)} - NOT_TOLD


def parts(value: Any) -> Iterator[str]:
    """Yield the names within rules, but for what is called by an operator."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from () if name.isdigit() else (name,)
            yield from parts(inner)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from parts(one)


RULES = (
    *(plain(DEFAULT_RULES), plain(list(DEFAULT_POLICIES.values())), plain(DEFAULT_VALIDATION)),
    *(plain(Regulations()), plain(DEFAULT_SERVICE_LEVELS), plain(Brand())),
    dict.fromkeys(named(Demo), ""),
    {"kind": "", "subject": "", "others": "", "event": "", "language": "", "body": ""},
    {"channel": "", "grants": "", "title": "", "smallest": "", "largest": "", "digest": ""},
)
TOLD = sorted(
    {
        *payloads(),
        *CORRECTABLE_FIELDS,
        *named(Customer),
        *(named(Sim) & {"imsi", "pin1", "pin2", "puk1", "puk2", "batch"}),
        *(named(Option) & {"name", "description", "group"}),
        *named(Preferences),
        *("attachments", "comments", "subject"),
        *(name for rules in RULES for name in parts(rules)),
    }
    - {"changes", "fields"}
)


@pytest.fixture(params=["ru", "ky"])
def language(request):
    before = i18n.CURRENT.set(request.param)
    yield request.param
    i18n.CURRENT.reset(before)


@pytest.mark.parametrize("name", TOLD)
def test_every_field_is_called_by_words(name, language):
    said = field(name)
    assert said in AS_WRITTEN or any("а" <= letter.lower() <= "ү" for letter in said), said


def test_fields_are_not_invented():
    assert {"customer", "amount", "until"} <= set(TOLD)
    assert len(TOLD) > 100
    assert named(BillingAccount)


@pytest.mark.parametrize("member", sorted(kinds_told()), ids=repr)
def test_every_member_of_a_kind_has_words(member):
    assert member in LABELS[type(member)]


def test_values_are_told_by_their_kind():
    i18n.CURRENT.set("ru")
    for (thing, name), kind in KINDS.items():
        if (thing, name) == ("rules", "status"):
            continue
        *_, last = kind
        first = next(iter(kind))
        [told] = worded(thing, [Change(name, first.value, [last.value, "of the operator"])])
        assert told.before == label(first)
        assert told.after == [label(last), "of the operator"]
    i18n.CURRENT.set(i18n.SOURCE)


def test_places_within_rules_are_read_part_by_part(language):
    said = field("payment_limits.1.largest.amount").split(" · ")
    assert said[0] == i18n.gettext(FIELDS["payment_limits"])
    assert said[1] == "1"
    assert field("weights.phone").split(" · ")[1] == i18n.gettext("Phone")
    assert field("prepaid.first_fee").split(" · ")[0] == "prepaid"


def test_what_has_no_kind_stays_as_it_is():
    change = Change("category", None, NumberCategory.GOLD)
    assert worded("nothing", [change]) == (change,)
    assert worded("rules", [Change("status", "current", "current")]) == ()


def test_everything_that_the_trail_is_about_is_named_in_one_way():
    keys = {"number", "sim"}
    by_themselves = {"audit", "role", "route", "rules"}
    assert {*KINDS_OF_THINGS} - keys == {*KEPT}
    assert {*THINGS} == {*KINDS_OF_THINGS, *by_themselves}
    assert {*THINGS} == things_told()
    assert keys | {"role", "rules"} <= {*SAID_BY_KEYS}
    assert {*NAMED.values()} <= {*KINDS_OF_THINGS}


def test_every_kind_of_rules_has_words():
    assert {*RULES_OF} == rules_told()


def test_what_a_change_tells_of_by_a_key_is_named_and_else_stays():
    known, unknown = str(uuid4()), str(uuid4())
    changes = [Change("customer", None, known), Change("contract", known, unknown)]
    assert keys_told(changes) == {
        ("customer", known),
        ("contract", known),
        ("contract", unknown),
    }
    names = {("customer", known): "Айгүл", ("contract", known): "C-1"}
    assert worded("ticket", changes, names) == (
        Change("customer", None, "Айгүл"),
        Change("contract", "C-1", unknown),
    )
