"""A store in memory, a clock that a test moves, and ids that sort as they were made."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.application.ports import Series, Till, UnitOfWork


@attrs.define
class TestClock:
    """Stands still until it is moved on."""

    __test__ = False

    now: datetime = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # a Monday, 10:00 in Bishkek

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def uow() -> UnitOfWork:
    return MemoryUnitOfWork()


@pytest.fixture
def series(uow: MemoryUnitOfWork) -> Series:
    return MemorySeries(uow.store)


@pytest.fixture
def till(uow: MemoryUnitOfWork) -> Till:
    return MemoryTill(uow.store)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def ids() -> Callable[[], UUID]:
    numbers = count(1)
    return lambda: UUID(int=next(numbers) | 7 << 76 | 2 << 62)
