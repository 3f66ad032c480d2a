"""
One transaction as a pipeline of prepared statements: no BEGIN, no COMMIT, no waiting between.

psycopg has pipelines of its own, for statements of any kind. Here every statement is prepared,
its parameters are packed and its answers are read together, which takes a third of the time.
Outside a transaction PostgreSQL begins one with the first statement and commits it at the
pipeline's end (PostgreSQL, "Pipelining"); inside a transaction of the caller's, the caller commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import attrs
import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

Rows = list[tuple[Any, ...]]


@attrs.frozen(eq=False)
class Statement:
    """SQL with numbered placeholders, each with its type, and the name it is prepared under."""

    text: bytes
    name: bytes

    @classmethod
    def of(cls, sql: str) -> Statement:
        """Name a statement by its content: the same one is prepared once for a connection."""
        text = sql.encode()
        return cls(text, b"crm_" + blake2b(text, digest_size=12).hexdigest().encode())


_prepared: WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = WeakKeyDictionary()


@attrs.frozen(eq=False)
class _Sent:
    """A statement, and where its rows go."""

    statement: Statement
    parameters: Sequence[bytes | None]
    rows: Rows = attrs.field(factory=list)


@attrs.define(eq=False)
class Pipeline:
    """
    Statements on their way.

    `_known` names what is prepared on the connection. psycopg forgets all of that after a
    rollback, and a pooler may; it is noticed at the first exchange, which is then made once more.
    Within the caller's transaction there is no second try, so nothing is prepared there.
    """

    connection: psycopg.Connection[Any]
    _known: set[bytes] | None
    _sent: list[_Sent] = attrs.field(factory=list)
    _awaited: list[bytes | Rows] = attrs.field(factory=list)
    _begun: bool = False
    _open: bool = False
    """Whether something was sent since the last end of a transaction."""

    @classmethod
    @contextmanager
    def over(cls, connection: psycopg.Connection[Any]) -> Iterator[Pipeline]:
        """
        Open a pipeline; a clean exit commits.

        An error undoes all that was sent, unless the caller has a transaction of its own to undo;
        a connection of which that is not certain is closed, which undoes it too.
        """
        pgconn = connection.pgconn
        alone = pgconn.transaction_status == TransactionStatus.IDLE
        pgconn.enter_pipeline_mode()
        try:
            pipeline = cls(connection, _prepared.setdefault(connection, set()) if alone else None)
            try:
                yield pipeline
                pipeline._exchange(last=True)
            except BaseException as error:
                pipeline._undo(error, alone=alone)
                raise
        finally:
            if not connection.closed:
                pgconn.exit_pipeline_mode()

    def send(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> Rows:
        """
        Put a statement on its way, and return where its rows will be once they are received.

        The parameters are in PostgreSQL's binary format.
        """
        sent = _Sent(statement, parameters)
        self._sent.append(sent)
        return sent.rows

    def flush(self) -> None:
        """Let the server begin with what was sent, and wait for nothing."""
        self._push()
        self.connection.wait(send(self.connection.pgconn))

    def receive(self) -> None:
        """Wait for the rows of all that was sent; raise what PostgreSQL said of the first error."""
        sent = [*self._sent]
        try:
            self._exchange()
        except psycopg.errors.InvalidSqlStatementName:
            if self._known is None or self._begun:
                raise
            self._exchange(last=True)
            self._known.clear()
            for one in sent:
                one.rows.clear()
            self._sent = sent
            self._exchange()
        self._begun = True

    def _undo(self, error: BaseException, *, alone: bool) -> None:
        """End the transaction without what was sent: a plain end would commit what it did."""
        self._sent.clear()
        # After an interrupt, answers may be half read; after such an error, the names that we know
        # are not those of the server.
        sound = isinstance(error, Exception) and not isinstance(error, psycopg.ProgrammingError)
        if sound and self._open and not self.connection.closed:
            if alone:
                self._sent.append(_Sent(_ROLLBACK, ()))
            with suppress(psycopg.Error):
                self._exchange(last=True)
        if self._open:
            self.connection.close()

    def _exchange(self, *, last: bool = False) -> None:
        """Send what there is and give each statement its rows; `last` ends the transaction."""
        pgconn = self.connection.pgconn
        self._push()
        expected, self._awaited = self._awaited, []
        if last:
            pgconn.pipeline_sync()
        else:
            pgconn.send_flush_request()
        results = self.connection.wait(_talk(pgconn, None if last else len(expected)))
        self._open = not last
        failed = None
        for awaited, result in zip(expected, results, strict=False):
            if result.status in _FAILED:
                failed = failed or result
                if isinstance(awaited, bytes) and self._known:
                    self._known.discard(awaited)
            elif isinstance(awaited, list) and result.ntuples:
                transformer = Transformer(self.connection)
                transformer.set_pgresult(result)
                awaited.extend(transformer.load_rows(0, result.ntuples, tuple))
        failed = failed or next((one for one in results if one.status in _FAILED), None)
        if failed is not None:
            raise error_from_result(failed, encoding="utf-8")

    def _push(self) -> None:
        """Hand what was sent to libpq, and remember what its answers are for."""
        sent, self._sent = self._sent, []
        self._open = self._open or bool(sent)
        for one in sent:
            self._awaited += self._put(one)

    def _put(self, sent: _Sent) -> Sequence[bytes | Rows]:
        """Hand a statement to libpq; return what its answers are for: a name prepared, or rows."""
        pgconn, statement = self.connection.pgconn, sent.statement
        binary = [Format.BINARY] * len(sent.parameters)
        if self._known is None:
            pgconn.send_query_params(
                statement.text,
                sent.parameters,
                param_formats=binary,
                result_format=Format.BINARY,
            )
            return (sent.rows,)
        new = statement.name not in self._known
        if new:
            pgconn.send_prepare(statement.name, statement.text)
            self._known.add(statement.name)
        pgconn.send_query_prepared(
            statement.name, sent.parameters, binary, result_format=Format.BINARY
        )
        return (statement.name, sent.rows) if new else (sent.rows,)


_ROLLBACK = Statement.of("ROLLBACK")
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)


def _talk(pgconn: psycopg.pq.abc.PGconn, count: int | None) -> PQGen[list[PGresult]]:
    """Send what is on its way, and read so many answers, or all to the transaction's end."""
    yield from send(pgconn)
    answers: list[PGresult] = []
    while count is None or len(answers) < count:
        read = yield from fetch_many(pgconn)
        if not read:
            raise psycopg.InterfaceError("the server answered less than it was asked")
        answers += read
        if read[-1].status == ExecStatus.PIPELINE_SYNC:
            break
    return answers
