"""The page for while the service is away: one file, which a proxy has without asking anybody."""

from __future__ import annotations

from telecom_crm.domain.brand import DEFAULT_BRAND
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.entrypoints.http.web.i18n import NAMES, SOURCE, tongue
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.templating import environment

_WORDS = (
    N_("We will be back soon"),
    N_("This site is being worked on. Calls, SMS and internet do not depend on it."),
    N_("Try again"),
)


def maintenance_page(operator: str = "", *, hue: int = DEFAULT_BRAND.hue) -> str:
    """
    Return the page, in every language at once, the operator's own first.

    It loads nothing, and a proxy may send it for any address. `hue` is the brand's, in degrees.
    """
    codes = sorted(NAMES, key=lambda code: (code != LANGUAGES.default, code == SOURCE))
    said = [(code, *map(tongue(code).words.gettext, _WORDS)) for code in codes]
    template = environment().get_template("maintenance.html")
    return template.render(said=said, operator=operator or "Telecom CRM", hue=hue % 360)
