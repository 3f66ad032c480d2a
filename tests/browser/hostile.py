"""A CRM in which every text that somebody may choose tries to be more than a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from telecom_crm.domain.application import ApplicationKind, Channel
from telecom_crm.domain.brand import Brand
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.profile import Address
from telecom_crm.domain.role import BUILT_IN_ROLES
from telecom_crm.entrypoints.crm import Crm
from tests.browser.serving import CONTRACT, furnished

if TYPE_CHECKING:
    from telecom_crm.entrypoints.http.app import App

MARK = "HYPERLINK"
"""The word by which a hostile text is found again."""
LONG = (
    f'={MARK}("//x"){{{{7*7}}}}{{%x%}}${{1}}"><img src=x onerror=alert(1) xss>'
    "</script></textarea><script>alert(1)</script>' xss onfocus=alert(1) "
    "#emph[a] *b* _c_ $d$ @e <f> \\n //g \u202ez"
)
"""Markup, a formula, templates of three kinds, and a change of direction."""
SHORT = f'={MARK}"><img src=x onerror=alert(1) xss>{{{{7*7}}}}#emph[a]*b*$c$'
"""The same where no more than 60 characters fit."""
FILE = f"{SHORT}.csv"


def make() -> App:
    """Build the service; the factory of the serving process."""
    from telecom_crm.entrypoints.http.app import create_app

    return create_app(turned(furnished()))


def turned(crm: Crm) -> Crm:
    """Give everything that has a name a hostile one."""
    for customer in list(crm.customers.each()):
        changes = {
            "name": f"{customer.name} {LONG}",
            "addresses": [Address(city=LONG, street=LONG)],
        }
        crm.customers.update(customer.id, changes=changes)
        crm.customers.add_note(customer.id, text=LONG)
    for user in list(crm.users.each()):
        crm.users.rename(user.id, name=LONG[:100])
    for ticket in list(crm.tickets.each()):
        crm.tickets.comment(ticket.id, text=LONG)
        crm.tickets.assign(ticket.id, queue=SHORT)
    _offer(crm)
    _run(crm)
    crm.rules.put_brand(Brand(name=SHORT[:60]))
    return crm


def _offer(crm: Crm) -> None:
    for code in ("START", "COMFORT"):
        crm.catalog.describe_tariff(code, name=SHORT, description=LONG)
    crm.catalog.describe_option("DATA10", name=SHORT, description=LONG)
    role = attrs.evolve(BUILT_IN_ROLES["cashier"], name="hostile", title=SHORT)
    crm.rules.create_role(role)
    crm.access.create_token(name=SHORT, role="hostile")
    crm.users.invite(login="hostile", name=SHORT, role="hostile")


def _run(crm: Crm) -> None:
    contract: Contract = next(crm.contracts.each(number=CONTRACT))
    crm.tickets.create(customer_id=contract.customer_id, subject=LONG, text=LONG)
    crm.contracts.add_document(contract.id, name=SHORT, content=[b"%PDF-1.4\n%%EOF\n"])
    crm.intake.capture(
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        raw={"full_name": LONG, "phone": "+996555987654", "city": LONG, "tariff": "START"},
    )
    rows = f'msisdn,category\n"{LONG.replace(chr(34), chr(34) * 2)}",standard\n'.encode()
    crm.imports.run_file(kind=ImportKind.NUMBERS, content=rows, file_name=FILE)
    free = {"status": "available"}
    number = next(crm.inventory.each_number(**free))
    crm.inventory.reserve_number(MSISDN(number.msisdn.digits), for_=SHORT)
    card = next(crm.inventory.each_sim(**free))
    crm.inventory.reserve_sim(ICCID(card.iccid.digits), for_=SHORT)
