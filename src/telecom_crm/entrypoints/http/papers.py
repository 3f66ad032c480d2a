"""Papers that people are given: in which language they are asked for, and how they are sent."""

from __future__ import annotations

from litestar import Response

from telecom_crm.domain.language import LANGUAGES
from telecom_crm.entrypoints.http.calls import Parameter, read_choice

PDF = "application/pdf"


def _language(said: str, **schema: str) -> Parameter:
    return Parameter(
        name="language",
        schema={"type": "string", "enum": list(LANGUAGES.codes), **schema},
        read=read_choice(*LANGUAGES.codes),
        description=said,
    )


PAPER_LANGUAGE = _language("The language it is printed in.", default=LANGUAGES.default)
CUSTOMERS_LANGUAGE = _language("The language it is printed in; the customer's, if left out.")


def printed(content: bytes, *, name: str) -> Response[bytes]:
    """Answer with a paper, which a browser may show."""
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return Response(content, media_type=PDF, headers=headers)
