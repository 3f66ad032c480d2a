"""What a subscriber's question may be about, and what often answers it before it is asked."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from telecom_crm.entrypoints.http.web.i18n import gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word


@attrs.frozen(kw_only=True)
class Topic:
    """
    What a question is about, in words.

    `subject` begins the question and `asks` is what it is to tell. One that is offered has a
    `title`, an `answer` to try first, and `ways`: pages that solve it, with their names.
    """

    subject: str = ""
    asks: tuple[str, ...] = ()
    title: str = ""
    answer: str = ""
    ways: tuple[tuple[str, str], ...] = ()

    @property
    def questionnaire(self) -> str:
        """
        What the text of a question begins with: each thing that it is to tell, on a line, below
        an empty one, where the caret stands and who only writes away writes.
        """
        return "\n".join(["", *(f"{gettext(one)}: " for one in self.asks)] if self.asks else ())


TOPICS: Mapping[str, Topic] = {
    "payment": Topic(
        title=N_("My payment is missing"),
        subject=N_("I paid but do not see it"),
        asks=(N_("Amount"), N_("Date"), N_("Where you paid")),
        answer=N_("A payment usually arrives within two minutes. Check that it is on the list."),
        ways=(("/my/payments", N_("Payments")),),
    ),
    "network": Topic(
        title=N_("No network or internet"),
        subject=N_("I have no network"),
        asks=(N_("Where you are"), N_("Since when"), N_("Your phone's model")),
        answer=N_(
            "Switch flight mode on and off, or restart the phone. On the home page you see whether"
            " the service is suspended, and what is on your balance."
        ),
        ways=(("/my", N_("Home")),),
    ),
    "card": Topic(
        title=N_("My SIM card is lost or broken"),
        subject=N_("I need another SIM card"),
        answer=N_("Block a lost card first, so that nobody uses your number."),
        ways=(("/my/sim", N_("SIM card")),),
    ),
    "tariff": Topic(
        title=N_("Tariff and options"),
        subject=N_("I have a question about my tariff"),
        answer=N_("You see all terms and change tariff and options yourself, at once or later."),
        ways=(("/my/tariff", N_("Tariff")), ("/my/options", N_("Options"))),
    ),
    "other": Topic(title=N_("Something else"), answer=N_("Write to us, and we answer here.")),
    "suspended": Topic(subject=N_("My service is suspended")),
    "blocked": Topic(subject=N_("I am blocked as a customer")),
    "consents": Topic(subject=N_("I want to change my consents")),
}
"""Topics by their name in the address; those without a title are led to from other pages."""


def is_unanswered(text: str) -> bool:
    """Tell whether a text is a questionnaire as it was offered, with nothing filled in."""
    offered = (one.questionnaire for one in TOPICS.values() if one.asks)
    return any(text.split() == one.split() for one in offered)
