"""`telecom-crm maintenance-page`."""

from __future__ import annotations

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.settings import read_settings


def page(*, operator: str | None = None, hue: int = 268) -> int:
    """
    Print the page that a proxy shows while the service is away.

    One file of HTML, in three languages, which loads nothing. No database is asked.

    Parameters
    ----------
    operator
        The name at its head [TELECOM_CRM_OPERATOR].
    hue
        The hue of its colours in degrees, as in the settings under "Name and colours" [268].
    """
    from telecom_crm.entrypoints.http.web.maintenance import maintenance_page

    if not 0 <= hue <= 359:
        raise InvalidValue.of("hue", "hue", "degrees from 0 to 359", hue)
    print(maintenance_page(read_settings(operator=operator).operator, hue=hue), end="")
    return 0
