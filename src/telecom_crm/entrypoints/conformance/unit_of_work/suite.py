"""What every store has to do, as tests to subclass; the machines try what nobody lists."""

from __future__ import annotations

from telecom_crm.entrypoints.conformance.unit_of_work.access import Access
from telecom_crm.entrypoints.conformance.unit_of_work.figures import Figures
from telecom_crm.entrypoints.conformance.unit_of_work.imports import Imports
from telecom_crm.entrypoints.conformance.unit_of_work.lists import Lists
from telecom_crm.entrypoints.conformance.unit_of_work.people import People
from telecom_crm.entrypoints.conformance.unit_of_work.queues import Queues
from telecom_crm.entrypoints.conformance.unit_of_work.records import Records
from telecom_crm.entrypoints.conformance.unit_of_work.rules import Rules
from telecom_crm.entrypoints.conformance.unit_of_work.searches import Searches
from telecom_crm.entrypoints.conformance.unit_of_work.trail import Trail
from telecom_crm.entrypoints.conformance.unit_of_work.transactions import Transactions


class UnitOfWorkSuite(
    Transactions, People, Queues, Searches, Lists, Figures, Rules, Trail, Access, Imports, Records
):
    """Subclass it, give `make`, and pytest does the rest."""
