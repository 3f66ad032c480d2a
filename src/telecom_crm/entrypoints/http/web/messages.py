"""What went wrong, in a sentence of the visitor's language: by the stable code of the error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from babel.lists import format_list

from telecom_crm.application.access.signing_in import TooManyAttempts
from telecom_crm.application.ports import GatewayUnavailable, NetworkFailed, Outcome
from telecom_crm.application.provisioning import no_answer_at
from telecom_crm.domain.errors import (
    Fault,
    IllegalTransition,
    Reason,
    RuleViolated,
    TelecomCrmError,
)
from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money
from telecom_crm.domain.provisioning import NO_ANSWER
from telecom_crm.entrypoints.http.web.i18n import gettext, here, ngettext, spoken
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label

FAULTS: Mapping[str, str] = {
    "missing": N_("Fill this in"),
    "text": N_("Too long, or with characters that cannot be shown"),
    "text_missing": N_("Fill this in"),
    "amount_missing": N_("Enter the amount"),
    "content_missing": N_("Choose a file"),
    "file_missing": N_("Choose a file"),
    "file_gone": N_("The file is not there any more: upload it again"),
    "hold_missing": N_("Choose the reason"),
    "iccid_missing": N_("Enter the ICCID of the SIM card"),
    "activation_past": N_("Choose today or a day to come"),
    "card_missing": N_("Pick a SIM card, or scan one"),
    "login_missing": N_("Enter the login"),
    "msisdn_missing": N_("Choose a number"),
    "password_missing": N_("Enter the password"),
    "reason_missing": N_("Say why"),
    "answer_missing": N_("Write how it was resolved"),
    "unanswered": N_("Fill in what you know after the colons, or write it in your own words"),
    "subject_missing": N_("Say what it is about"),
    "payment_modes_missing": N_("Tick at least one"),
    "tariff_missing": N_("Choose a tariff"),
    "name_missing": N_("Fill this in"),
    "wording_missing": N_("Write it in this language at least"),
    "last_name_missing": N_("Enter the family name"),
    "first_name_missing": N_("Enter the first name"),
    "organisation_missing": N_("Enter the name of the organisation"),
    "contact_name_missing": N_("Enter whom we may talk to"),
    "phone_missing": N_("Enter the phone as +996 555 123 456"),
    "email_missing": N_("Enter an e-mail, such as name@example.org"),
    "birth_date_missing": N_("Enter the date of birth: day, month and year"),
    "national_id_missing": N_("Enter the personal number"),
    "registration_number_missing": N_("Enter the registration number"),
    "documents_missing": N_("Enter the number of the document"),
    "document_type_missing": N_("Choose the kind of document"),
    "document_number_missing": N_("Enter the number of the document"),
    "scan_front_missing": N_("Choose the scan of the document's front"),
    "format": N_("Such numbers are written otherwise: check the digits and letters"),
    "nothing": N_("Change something, or add a file"),
    "consent": N_("Without consent to the use of personal data nothing can be registered"),
    "rule_known": N_("There is this rule already"),
    "compatibility_rule": N_("A group stands alone; every other rule names at least one other"),
    "code_unknown": N_("Nothing in the catalog has this code"),
    "choice": N_("Choose one of those offered"),
    "scopes_none": N_("Tick what it may do, or everything that the role may do"),
    "scopes_both": N_("Either everything, or what is ticked below: not both"),
    "number": N_("Enter a whole number"),
    "amount": N_("Enter an amount, such as 1240.50"),
    "currency": N_("Enter a currency of three letters, such as KGS"),
    "refund_too_large": N_("More than is left of the payment and on the account"),
    "given_too_little": N_("Less was given than is to be paid"),
    "days_missing": N_("Enter for how many days"),
    "past_most": N_("More than is possible here"),
    "past_days": N_("Enter a number of days that is granted"),
    "not_positive": N_("Enter an amount above zero"),
    "negative": N_("Enter zero or more"),
    "date": N_("Enter the day as DD.MM.YYYY"),
    "day_unknown": N_("There is no such day: check the day and the month"),
    "span": N_("The end is before the beginning"),
    "instant": N_("Enter a date and a time"),
    "birth_date": N_("From 1900 to today, such as 12.03.1995"),
    "minimum_age": N_("Too young to sign a contract"),
    "email": N_("Enter an e-mail, such as name@example.org"),
    "phone": N_("Enter the phone as +996 555 123 456"),
    "phone_format": N_("Enter the phone as +996 555 123 456"),
    "msisdn_format": N_("Enter the phone as +996 555 123 456"),
    "iccid_format": N_("An ICCID has 19 or 20 digits and begins with 89"),
    "iccid_luhn": N_("Check the ICCID: one digit is mistyped"),
    "imsi_format": N_("An IMSI has up to 15 digits"),
    "range_length": N_("The first and the last one have as many digits as each other"),
    "range_order": N_("The last one comes before the first"),
    "range_size": N_("Too many for a range: at most 10,000. Bring more in a file"),
    "reservation": N_("Choose another name: this one is kept for contracts"),
    "reservation_until": N_("A reservation ends in the future"),
    "category": N_("Choose one of those offered"),
    "contract_unknown": N_("There is no contract with this number"),
    "national_id": N_("Check the personal number"),
    "language": N_("Choose one of the languages offered"),
    "document_type": N_("Choose the kind of document"),
    "document_number": N_("Enter the number of the document"),
    "document_expired": N_("The document is out of date"),
    "issued_on": N_("A document is issued today at the latest: check the day"),
    "valid_until": N_("The document ends before it was issued"),
    "size": N_("The file is too large"),
    "media_type": N_("This is neither a PDF nor a picture: choose a PDF, PNG, JPEG or WebP file"),
    "encoding": N_("The file is not text in UTF-8"),
    "spreadsheet": N_("This is a spreadsheet or an archive, and no CSV"),
    "no_table": N_("This is a picture, a document or a program, and no CSV"),
    "another_kind": N_("A file of another kind, by its columns"),
    "not_on_sale": N_("The tariff is not on sale, or not for this billing policy"),
    "policy_unknown": N_("There is no such billing policy"),
    "country": N_("Numbers of this country are not taken"),
    "separator": N_("No columns were found in the file"),
    "file_empty": N_("The file is empty"),
    "file_too_large": N_("The file is too large"),
    "header_missing": N_("The first line has to name the columns"),
    "too_few_columns": N_("The row has fewer cells than there are columns"),
    "too_many_columns": N_("The row has more cells than there are columns"),
    "quotes": N_("A quote is in a wrong place"),
    "quote_unclosed": N_("A quote is opened and not closed"),
    "row_too_long": N_("The row is too long, or a quote is not closed"),
    "nul": N_("A character that no text has"),
    "assignee": N_("Choose a person or a queue, one of them"),
    "iccid_unknown": N_("There is no SIM card with this ICCID"),
    "iccid_taken": N_("This SIM card is somebody's already"),
    "msisdn_unknown": N_("We do not have this number"),
    "msisdn_taken": N_("This number is somebody's already"),
    "born_otherwise": N_("The customer with this document was born on another day"),
    "differs": N_("It says otherwise than what is known"),
    "activate": N_("Only subscribers have contracts to activate"),
    "policy_missing": N_("Choose a billing policy to activate on"),
    "column_missing": N_("A column is missing"),
    "column_repeated": N_("A column is there twice"),
    "reserved": N_("This name is kept for the system"),
    "price": N_("Enter a price, such as 500.00"),
    "credit_limit": N_("Enter a limit of zero or more"),
    "cycle_day": N_("Enter a day from 1 to 28"),
    "tariff_unknown": N_("There is no such tariff"),
    "option_unknown": N_("There is no such option"),
    "code_format": N_("Capital letters, digits and dashes"),
    "code_twice": N_("This code is there already"),
    "url": N_("Enter an address that begins with https://"),
    "unknown_field": N_("This field is not known"),
    "password": N_("Choose a longer password"),
    "password_length": N_(
        "Choose a password of 12 to 200 characters; several words make a good one"
    ),
    "password_simple": N_(
        "Too easy to guess: avoid the login, common words, rows of keys and repeated characters"
    ),
    "password_wrong": N_("This is not the present password"),
    "sign_in_first": N_("Sign out and in again with a code, then choose your first password"),
    "password_again": N_("This is not the same password"),
    "code_refused": N_("The code is wrong or out of date"),
    "code_wrong": N_("Enter the six digits that the app shows now"),
    "nothing_to_take": N_("The one who goes has nothing here to take"),
    "proof": N_("Type exactly what is asked for"),
    "login": N_("Letters, digits, dots and dashes"),
    "role_name": N_("2 to 40 of a to z, 0 to 9 and _, a letter first"),
    "role_taken": N_("Another role has this code"),
    "hue": N_("Enter degrees from 0 to 359"),
    "decimal": N_("Enter a number, such as 1.5"),
    "hours": N_("Enter times such as 09:00-13:00, 14:00-18:00"),
    "zone": N_("Enter a time zone such as Asia/Bishkek"),
    "whole_number": N_("Enter a whole number"),
    "ratio": N_("Enter a number from 0 to 1"),
    "policy_id": N_("Up to 30 small letters, digits, _ and -"),
    "template_limits": N_("It takes too long, or too much memory: look for a loop"),
    "template_long": N_("Too long"),
    "policy_taken": N_("Another policy has this code"),
    "template_syntax": N_("Write $fact where a fact goes, and $$ for a dollar sign"),
    "fact_unknown": N_("Use only the facts that are named below"),
    "to_missing": N_("Say where to"),
    "title": N_("Enter a title of at most 100 characters"),
}
"""What is wrong with a field."""

ERRORS: Mapping[str, str] = {
    "not_authenticated": N_("Sign in first"),
    "not_permitted": N_("You may not do this"),
    "beyond_rights": N_("You cannot grant what you may not do yourself"),
    "foreign_form": N_("This form is out of date. Load the page again and repeat"),
    "not_found": N_("There is no such thing, or it is not yours to see"),
    "conflict": N_("Somebody else is ahead of you. Load the page again"),
    "busy": N_("Another request is working on this right now. Try again"),
    "newer_reply": N_("There is a newer reply. Read it, then send yours"),
    "stale_version": N_("Somebody changed this in the meantime. Look at it again, then repeat"),
    "key_reused": N_("This form was sent before with other content. Load the page again"),
    "unavailable": N_("Not available right now. Try again in a minute"),
    "gateway_error": N_("The payment provider does not answer as it should. Try again later"),
    "currency_mismatch": N_("These are two different currencies"),
    "sign_in_refused": N_("These do not match. Check them, and the language of the keyboard"),
    "too_many_attempts": N_("Too many tries. Wait a little and try again"),
    "login_taken": N_("Somebody has this login already"),
    "too_many_requests": N_("Too many tries. Wait a little and try again"),
    "identity_taken": N_("Another customer has this document or personal number"),
    "customer_merged": N_("This customer was merged into another one"),
    "payments_in_flight": N_("A payment has no outcome yet. Wait for it and try again"),
    "insufficient_funds": N_("There is not enough money on the account"),
    "already_reversed": N_("This was reversed before"),
    "number_not_available": N_("The number was taken in the meantime. Choose another one"),
    "number_in_use": N_("The number belongs to a contract that is not over"),
    "sim_not_available": N_("This SIM card is not free. Choose another one"),
    "sim_in_use": N_("The SIM card belongs to a contract that is not over"),
    "hold_there": N_("It is suspended for this already"),
    "hold_not_there": N_("It is not suspended for this any more"),
    "already_in_pool": N_("Something of this range is there already. Look at it again"),
    "not_installed": N_("This installation lacks a part that is needed for it"),
    "malformed": N_("The request cannot be read"),
    "method_not_allowed": N_("This address does not take such a request"),
    "content_too_large": N_("What was sent is too large"),
    "internal_error": N_("Something failed here. It was written down, and nothing was changed"),
}
"""What is wrong with a command as a whole."""

RULES: Mapping[str, str] = {
    "same_customer": N_("The number was another customer's: it is free once it has rested"),
    "quarantine_over": N_("The number still rests: look until when"),
    "contract_live": N_("The contract is not live, and so can have no number"),
    "application_customer": N_("The contract is another customer's than the application"),
    "claimed": N_("Somebody else works on it: give it back to the queue and take it first"),
    "reverse_refunded": N_("Part of it was given back already: give back the rest instead"),
    "allocate_refunded": N_("Part of it was given back already: give back the rest instead"),
    "promised_payment": N_("The policy of the account does not grant this promised payment now"),
    "ticket_files": N_("There are as many files as may be here. Send more in a new ticket"),
    "write_off": N_("That is more than is owed, or than was lost in disputes"),
    "recovery": N_("That is more than was written off"),
    "merge_two_people": N_(
        "Both have live contracts, and different personal numbers: they are two people"
    ),
    "number_origin": N_("The number is of another origin than that"),
}
"""What a rule says to who works here, where its reasons have values that are not told apart."""

REASONS = (
    N_("tariff %(tariff)s is not on sale"),
    N_("tariff %(tariff)s is not sold for %(mode)s"),
    N_("tariff %(old)s may be changed only to %(others)s, not to %(new)s"),
    N_("option %(option)s is not on sale"),
    N_("option %(option)s is chosen twice"),
    N_("option %(option)s is priced in %(its)s, tariff %(tariff)s in %(other)s"),
    N_("%(subject)s requires %(others)s"),
    N_("%(subject)s does not go with %(other)s"),
    N_("%(subject)s is already included in %(tariff)s"),
    N_("at most one of %(others)s"),
    N_("the role %(role)s is built in and stays as it is; copy it"),
    N_("somebody still has the role %(role)s"),
    N_("a payment is at least %(smallest)s"),
    N_("a payment is at most %(largest)s"),
    N_("%(amount)s is more than your role allows, which is %(most)s"),
    N_("a receipt is sent of a confirmed payment to whose account it is"),
    N_("the customer has no phone to send it to"),
    N_("the customer has no e-mail to send it to"),
    N_("at most %(count)s notes are pinned: unpin one"),
    N_("the customer is blocked"),
    N_("the customer is closed"),
    "the customer is merged into %(survivor)s",
    N_("add a valid document of the customer"),
    N_("add the signed contract as a file"),
    N_("the contract does not hold its SIM card"),
    N_("the contract does not hold its number"),
    N_("there is no tariff %(tariff)s in version %(version)s"),
    N_("choose a billing policy"),
    N_("the billing policy is in %(its)s, the account in %(other)s"),
    N_("the first fees are in %(others)s, the account in %(its)s"),
    N_("the first fees are %(needed)s, and %(available)s is available"),
    N_("the day of activation has not come: it is %(day)s"),
    N_("activation is blocked: %(reason)s"),
    "perhaps a duplicate: customer %(customer)s has the same %(column)s",
    N_("kept %(column)s as it was: line %(line)s came first"),
    N_("changed %(column)s of the customer whom the document belongs to"),
)
"""What rules say where they refuse, and imports of their rows, as each `Reason` has it."""

NAMELESS: Mapping[str, str] = {
    "the customer is merged into %(survivor)s": N_("the customer was merged into another one"),
    "perhaps a duplicate: customer %(customer)s has the same %(column)s": N_(
        "perhaps a duplicate: another customer has the same %(column)s"
    ),
}
"""Reasons whose values are ids, which tell people nothing: what pages say of them instead."""

PLAIN_REASONS = (
    N_("Internet beyond what is included has no price"),
    N_("Minutes beyond what is included have no price"),
    N_("SMS beyond what is included have no price"),
)
"""The same, of reasons without values."""


_SILENT = N_("The network gave no answer")
_REFUSED = {
    "register": N_("The network refused to take the SIM card in"),
    "replace": N_("The network refused the other SIM card or number"),
    "deregister": N_("The network refused to take the SIM card out"),
    "allow": N_("The network refused to let the SIM card be used"),
    "bar": N_("The network refused to bar the SIM card"),
}
"""By the steps of the network that comes with this."""

FAILURES: Mapping[str, str] = {
    Outcome.DECLINED: N_("The payment service refused it"),
    Outcome.NOT_KNOWN: N_("The payment service knows nothing of it"),
    GatewayUnavailable.code: N_("The payment service could not be reached"),
    "declined by the simulator": N_("The simulator refused it, as the amount told it to"),
    NO_ANSWER: _SILENT,
    **{no_answer_at(step): _SILENT for step in _REFUSED},
    **{
        str(NetworkFailed(step, "the simulator was told to refuse")): words
        for step, words in _REFUSED.items()
    },
}
"""What the gateways and the network that come with this say where a thing failed."""


def failure(text: str) -> str:
    """Return why a payment or a network's task failed; what nobody here knows, as it was told."""
    return known_failure(text) or text


def known_failure(text: str) -> str:
    """Return the same where it is known; "" for words of others, in whatever language."""
    return gettext(FAILURES[text]) if text in FAILURES else ""


def said(fault: Fault) -> str:
    """Return what is wrong with a field; for a code without a sentence, what the library says."""
    known = FAULTS.get(fault.code)
    if fault.code == "missing":  # by its own name, for a list of many to tell them apart
        known = FAULTS.get(f"{fault.field}_missing", known)
    return gettext(known) if known else capital(fault.message)


def sentence(error: TelecomCrmError, names: Mapping[str, Wording] = MappingProxyType({})) -> str:
    """Return what is wrong, in one sentence or a few; `names` are what codes in them are called."""
    if isinstance(error, TooManyAttempts):
        return ngettext(
            "Too many tries. Try again in %(count)s minute",
            "Too many tries. Try again in %(count)s minutes",
            error.minutes,
        )
    known = ERRORS.get(error.code)
    if known:
        return gettext(known)
    if isinstance(error, IllegalTransition):
        return gettext("Its state does not allow this now. Load the page again")
    if isinstance(error, RuleViolated) and error.rule in RULES:
        return gettext(RULES[error.rule])
    if isinstance(error, RuleViolated):
        return "; ".join(capital(worded(reason, names)) for reason in error.reasons)
    for kind in type(error).__mro__:  # the sentence of its family
        if (words := ERRORS.get(getattr(kind, "code", ""))) is not None:
            return gettext(words)
    return capital(str(error))


def worded(reason: str, names: Mapping[str, Wording]) -> str:
    """Return a reason of the domain; `names` are what codes in it are called."""
    if not isinstance(reason, Reason):
        return gettext(reason)
    filled = {
        place: format_list([_value(one, names) for one in several], "or", here().locale)
        for place, several in reason.values.items()
    }
    return gettext(NAMELESS.get(reason.pattern, reason.pattern), **filled)


def _value(one: object, names: Mapping[str, Wording]) -> str:
    if isinstance(one, Reason):
        return worded(one, names)
    if isinstance(one, Money):
        return here().money(one)
    if isinstance(one, date):
        return here().date(one)
    if isinstance(one, int):
        return here().number(one)
    if isinstance(one, StrEnum):
        return label(one)
    return spoken(names[str(one)]) if str(one) in names else str(one)


def capital(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]
