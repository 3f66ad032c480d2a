"""What went wrong, in a sentence of the visitor's language: by the stable code of the error."""

from __future__ import annotations

from collections.abc import Mapping

from telecom_crm.domain.errors import (
    Fault,
    IllegalTransition,
    RuleViolated,
    TelecomCrmError,
)
from telecom_crm.entrypoints.http.web.i18n import gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

FAULTS: Mapping[str, str] = {
    "missing": N_("Fill this in"),
    "text": N_("Too long, or with characters that cannot be shown"),
    "text_missing": N_("Fill this in"),
    "name_missing": N_("Enter a name"),
    "choice": N_("Choose one of those offered"),
    "number": N_("Enter a whole number"),
    "amount": N_("Enter an amount, such as 1240.50"),
    "currency": N_("Enter a currency of three letters, such as KGS"),
    "refund_too_large": N_("More than is left of the payment"),
    "given_too_little": N_("Less was given than is to be paid"),
    "negative": N_("Enter an amount above zero"),
    "date": N_("Enter day, month and year, such as 12.03.1995"),
    "span": N_("The end is before the beginning"),
    "instant": N_("Enter a date and a time"),
    "birth_date": N_("Enter the date of birth: day, month and year"),
    "minimum_age": N_("Too young to sign a contract"),
    "email": N_("Enter an e-mail, such as name@example.org"),
    "phone": N_("Enter the phone as +996 555 123 456"),
    "phone_format": N_("Enter the phone as +996 555 123 456"),
    "msisdn_format": N_("Enter the phone as +996 555 123 456"),
    "iccid_format": N_("An ICCID has 19 or 20 digits and begins with 89"),
    "iccid_luhn": N_("A digit of the ICCID is wrong: its check digit does not fit"),
    "imsi_format": N_("An IMSI has up to 15 digits"),
    "national_id": N_("Check the personal number: 14 digits"),
    "language": N_("Choose one of the languages offered"),
    "document_type": N_("Choose the kind of document"),
    "document_number": N_("Enter the number of the document"),
    "document_expired": N_("The document is out of date"),
    "valid_until": N_("The document ends before it was issued"),
    "size": N_("The file is too large"),
    "media_type": N_("Files of this kind are not taken"),
    "encoding": N_("The file is not text in UTF-8"),
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
    "password_simple": N_("Not the login, and not the same few characters over and over"),
    "password_wrong": N_("This is not the present password"),
    "password_again": N_("This is not the same password"),
    "code_wrong": N_("Enter the six digits that the app shows now"),
    "login": N_("Letters, digits, dots and dashes"),
}
"""What is wrong with a field."""

ERRORS: Mapping[str, str] = {
    "not_authenticated": N_("Sign in first"),
    "not_permitted": N_("You may not do this"),
    "foreign_form": N_("This form is out of date. Load the page again and repeat"),
    "not_found": N_("There is no such thing, or it is not yours to see"),
    "conflict": N_("Somebody else is ahead of you. Load the page again"),
    "busy": N_("Another request is working on this right now. Try again"),
    "stale_version": N_("Somebody changed this in the meantime. Look at it again, then repeat"),
    "key_reused": N_("This form was sent before with other content. Load the page again"),
    "unavailable": N_("Not available right now. Try again in a minute"),
    "gateway_error": N_("The payment provider does not answer as it should. Try again later"),
    "currency_mismatch": N_("These are two different currencies"),
    "sign_in_refused": N_("The login, the password or the code is wrong"),
    "too_many_attempts": N_("Too many tries. Try again in 15 minutes, or ask an administrator"),
    "login_taken": N_("Somebody has this login already"),
    "too_many_requests": N_("Too many tries. Wait a little and try again"),
    "identity_taken": N_("Another customer has this document or personal number"),
    "customer_merged": N_("This customer was merged into another one"),
    "payments_in_flight": N_("A payment has no outcome yet. Wait for it and try again"),
    "insufficient_funds": N_("There is not enough money on the account"),
    "already_reversed": N_("This was reversed before"),
    "number_taken": N_("The number was taken in the meantime. Choose another one"),
    "sim_taken": N_("The SIM card was taken in the meantime. Choose another one"),
    "not_installed": N_("This installation lacks a part that is needed for it"),
    "malformed": N_("The request cannot be read"),
    "method_not_allowed": N_("This address does not take such a request"),
    "content_too_large": N_("What was sent is too large"),
    "internal_error": N_("Something failed here. It was written down, and nothing was changed"),
}
"""What is wrong with a command as a whole."""


def said(fault: Fault) -> str:
    """Return what is wrong with a field; for a code without a sentence, what the library says."""
    known = FAULTS.get(fault.code)
    return gettext(known) if known else _capital(fault.message)


def sentence(error: TelecomCrmError) -> str:
    """Return what is wrong, in one sentence or a few."""
    known = ERRORS.get(error.code)
    if known:
        return gettext(known)
    if isinstance(error, IllegalTransition):
        return gettext("Its state does not allow this now. Load the page again")
    if isinstance(error, RuleViolated):
        return "; ".join(_capital(gettext(reason)) for reason in error.reasons)
    for kind in type(error).__mro__:  # the sentence of its family
        if (words := ERRORS.get(getattr(kind, "code", ""))) is not None:
            return gettext(words)
    return _capital(str(error))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
