"""Which keys of a file may come more than once, known beforehand in a fixed few megabytes."""

from __future__ import annotations

from zlib import crc32

_BITS = 25
_MASK = (1 << _BITS) - 1


class Repeats:
    """
    Two bit maps over hashed keys: seen, and seen again.

    It never misses a key that repeats; of a million keys that do not, it takes some in a hundred
    for one that does, which costs a look-up and nothing else.
    """

    def __init__(self) -> None:
        self._seen = bytearray(1 << (_BITS - 3))
        self._again = bytearray(1 << (_BITS - 3))

    def add(self, key: str) -> None:
        """Count a key in."""
        place = crc32(key.encode()) & _MASK
        byte, bit = place >> 3, 1 << (place & 7)
        if self._seen[byte] & bit:
            self._again[byte] |= bit
        else:
            self._seen[byte] |= bit

    def __contains__(self, key: str) -> bool:
        place = crc32(key.encode()) & _MASK
        return bool(self._again[place >> 3] & (1 << (place & 7)))
