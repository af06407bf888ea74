"""Tokens: made once, shown once, stored only as a keyed hash.

    mcpp_srv_<43 base62>_<6 checksum>     reaches an MCP server
    mcpp_api_<43 base62>_<6 checksum>     the management API, or a second factor
    mcpp_lnk_<43 base62>_<6 checksum>     connects one account, once, for 15 minutes

43 characters drawn evenly from an alphabet of 62 hold 256.03 random bits. The checksum is the
CRC-32 of everything before it (prefix, 43 characters, underscore) in base62, padded with zeros to 6
characters, alphabet `0-9A-Za-z`: a secret scanner can tell a token from a look-alike offline, and
every change of a single character is detected. It is no authentication.
"""

import hmac
import re
import zlib
from typing import Final

from mcpassport.limits import API_TOKEN_PREFIX, LINK_TOKEN_PREFIX, SERVER_TOKEN_PREFIX
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Random
from mcpassport.store.tokenkeys import TokenKeyring

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BODY_CHARS: Final = 43
CHECKSUM_CHARS: Final = 6
TOKEN_CHARS: Final = len(SERVER_TOKEN_PREFIX) + BODY_CHARS + 1 + CHECKSUM_CHARS

_REST: Final = rf"[0-9A-Za-z]{{{BODY_CHARS}}}_[0-9A-Za-z]{{{CHECKSUM_CHARS}}}"
PATTERN: Final = rf"(?:{SERVER_TOKEN_PREFIX}|{API_TOKEN_PREFIX}){_REST}"
"""What a secret scanner looks for; a link by which an account is connected lasts for minutes."""
_SHAPE: Final = re.compile(
    rf"(?:{SERVER_TOKEN_PREFIX}|{API_TOKEN_PREFIX}|{LINK_TOKEN_PREFIX}){_REST}"
)
_SIX_BITS: Final = 0x3F
_PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)
"""Two digits at once."""


def issue(prefix: str, random: Random) -> str:
    """A new token of that kind, at least 256 random bits without bias."""
    body: list[str] = []
    while len(body) < BODY_CHARS:
        # Six bits of each byte; the two values of 64 beyond the alphabet are drawn again, since a
        # remainder would make two characters likelier than the others.
        values = (byte & _SIX_BITS for byte in random(2 * BODY_CHARS))
        body.extend(ALPHABET[value] for value in values if value < len(ALPHABET))
    text = f"{prefix}{''.join(body[:BODY_CHARS])}_"
    return text + checksum(text)


def checksum(text: str) -> str:
    """CRC-32 of an ASCII text as 6 base62 characters."""
    rest, low = divmod(zlib.crc32(text.encode("ascii")), len(_PAIRS))
    high, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def well_formed(token: str, prefix: str) -> bool:
    """Whether shape, kind and checksum hold; needs no store and no key."""
    return (
        len(token) == TOKEN_CHARS
        and token.startswith(prefix)
        and _SHAPE.fullmatch(token) is not None
        and checksum(token[:-CHECKSUM_CHARS]) == token[-CHECKSUM_CHARS:]
    )


def token_hash(key: KeyMaterial, token: str) -> str:
    """HMAC-SHA256 of the token under the token key, in hex: all that is ever stored of it."""
    return hmac.digest(key.unwrap(), token.encode(), "sha256").hex()


def token_hashes(keys: TokenKeyring, token: str) -> tuple[str, ...]:
    """Where a token may be stored: under the current key first, then under the others."""
    return tuple(token_hash(each.key, token) for each in (keys.current, *keys.others))
