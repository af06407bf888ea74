"""Values that must never be seen: credentials and key material."""

import hmac
from typing import NoReturn


class _Masked:
    """A value that hides itself from `repr`, `str`, pickling and comparison by value."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(****)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied")


class Secret(_Masked):
    """An upstream credential, sealed: the JSON object of its fields.

    Only `upstream/auth` calls `reveal`; a test greps for every other call.
    """

    __slots__ = ()

    def reveal(self) -> bytes:
        """The plaintext. Keep it no longer than the call that needs it."""
        return self._value


class KeyMaterial(_Masked):
    """A cryptographic key. Only `store/` and `gate/tokens.py` unwrap it."""

    __slots__ = ()

    def unwrap(self) -> bytes:
        """The raw key bytes."""
        return self._value


class MaskedUrl(_Masked):
    """A URL that may carry a password. Only the opening of the store reads it in full."""

    __slots__ = ()

    def in_full(self) -> str:
        """The URL with its password."""
        return self._value.decode()


class SharedSecret(_Masked):
    """A secret that somebody else shows too. Only compared, in constant time."""

    __slots__ = ()

    def equals(self, shown: str) -> bool:
        """Whether it is the one that was shown."""
        return hmac.compare_digest(self._value, shown.encode())
