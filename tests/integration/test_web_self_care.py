"""An organisation gets a password for self-care in the console."""

import re

from telecom_crm.domain.profile import CustomerKind
from tests.integration.test_web import admin, site, submit

__all__ = ["admin", "site"]


def test_an_organisation_is_given_a_password_that_is_shown_once(site, admin):
    contract = next(site.crm.contracts.each())
    firm = site.crm.customers.register(name="ОсОО Ала-Тоо", kind=CustomerKind.ORGANISATION)
    path = f"/console/customers/{firm.id}/self-care"
    assert path in admin.get(f"/console/customers/{firm.id}").text
    shown = submit(admin, path, path)
    assert shown.status_code == 200
    [password] = re.findall(r'id="f-secret" value="([^"]+)"', shown.text)
    assert password not in admin.get(path).text
    with site.crm.uow(read_only=True) as tx:
        [known] = tx.customer_passwords.get_many([firm.id]).values()
    assert site.crm.self_care.passwords.verify(known.password_hash, password)
    again = submit(admin, path, path)
    assert password not in again.text
    person = f"/console/customers/{contract.customer_id}/self-care"
    assert admin.get(person).status_code == 404
    assert person not in admin.get(f"/console/customers/{contract.customer_id}").text
    assert site.browser("cashier").get(path).status_code == 403
