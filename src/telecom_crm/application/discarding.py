"""Files that nothing names any more: written down with the change, deleted behind its commit."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from telecom_crm.application.paging import each_swept
from telecom_crm.application.ports import Files, UnitOfWork
from telecom_crm.application.retry import each_alone, retried


def delete_discarded(uow: UnitOfWork, files: Files, *, limit: int = 100) -> int:
    """Delete the files that were discarded, in batches of `limit`; return how many."""
    waiting = each_swept(
        uow, lambda tx, cursor: tx.discarded_files.page(limit=limit, cursor=cursor)
    )
    return each_alone(partial(_delete, uow, files, one) for one in waiting)


def _delete(uow: UnitOfWork, files: Files, file_id: UUID) -> int:
    # First the file: after a crash in between it is deleted once more, which is no error.
    files.delete(file_id)
    _forget(uow, file_id)
    return 1


@retried
def _forget(uow: UnitOfWork, file_id: UUID) -> None:
    with uow() as tx:
        tx.discarded_files.forget(file_id)
