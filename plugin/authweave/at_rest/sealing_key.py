"""One key that seals stored tokens."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, Final, Self

SIZE: Final = 32
_ID_OF: Final = b"authweave store key id 1\0"


@dataclass(frozen=True, slots=True)
class SealingKey:
    """`value` holds 32 bytes and is never shown; `id`, 8 hex digits of a hash of it, names the key in what it sealed.

    It cannot be pickled (TypeError).
    """

    value: bytes = field(repr=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        if len(self.value) != SIZE:
            raise ValueError(f"a key has {SIZE} bytes")
        object.__setattr__(self, "id", hashlib.sha256(_ID_OF + self.value).hexdigest()[:8])

    @classmethod
    def fresh(cls) -> Self:
        """A random one."""
        return cls(os.urandom(SIZE))

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a SealingKey is never pickled")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self
