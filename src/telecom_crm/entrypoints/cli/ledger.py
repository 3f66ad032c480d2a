"""`telecom-crm ledger`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs

from telecom_crm.domain.ledger import TrialBalanceLine
from telecom_crm.entrypoints.cli.database import HERE, Database
from telecom_crm.entrypoints.cli.telling import Json


def verify(
    *,
    as_json: Json = False,
    database: Database = HERE,
) -> int:
    """
    Recompute every balance from the journal.

    The exit code is 1 where one differs.

    Parameters
    ----------
    as_json
        Answer with JSON.
    database
        Where the data is.
    """
    with database.open() as crm:
        differences = crm.verify_ledger()
        trial = crm.accounts.trial_balance()
    if as_json:
        found = [attrs.asdict(d) | {"account_id": str(d.account_id)} for d in differences]
        print(json.dumps({"differences": found, "ledger_accounts": len(trial)}))
        return 1 if differences else 0
    for one in differences:
        print(
            f"account {one.account_id}: {one.counter} {one.stored}, the journal says {one.computed}"
        )
    _print_trial(trial)
    print(f"{len(differences)} differences" if differences else "the books are right")
    return 1 if differences else 0


def _print_trial(trial: Sequence[TrialBalanceLine]) -> None:
    """Print the debits and credits of each ledger account, the amounts below each other."""
    print(f"{'account':<32} {'debit':>20} {'credit':>20}")
    for line in trial:
        name = f"{line.code.value} {line.code.name.replace('_', ' ').lower()}"
        print(
            f"{name:<32} {line.debit.amount:>16} {line.debit.currency}"
            f" {line.credit.amount:>16} {line.credit.currency}"
        )
