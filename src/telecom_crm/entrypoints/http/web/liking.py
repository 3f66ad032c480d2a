"""How somebody likes the pages: language and theme, kept in their browser."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.datastructures import Cookie

from telecom_crm.domain.user import Theme
from telecom_crm.entrypoints.http.web.cookies import A_YEAR_SECONDS, LANGUAGE, THEME, baked
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import NAMES, PSEUDO


def liked(form: Form) -> dict[str, str]:
    """Return the language and the theme that a form chooses; "" for what it leaves as it is."""
    language, theme = form.raw("language"), form.raw("theme")
    return {
        LANGUAGE: language if language in (*NAMES, PSEUDO) else "",
        THEME: theme if theme in list(Theme) else "",
    }


def remembered(visit: Visit, chosen: Mapping[str, str]) -> list[Cookie]:
    """Return the cookies that keep what was chosen."""
    scheme = visit.scope["scheme"]
    return [
        baked(name, value, scheme, seconds=A_YEAR_SECONDS)
        for name, value in chosen.items()
        if value
    ]
