"""The ways to deliver an answer: one per file, none knows its siblings."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from mcpassport.lab.channel import Fault
from mcpassport.lab.faults.close import Close
from mcpassport.lab.faults.delay import Delay
from mcpassport.lab.faults.drip import Drip
from mcpassport.lab.faults.flood import Flood
from mcpassport.lab.faults.paced import Paced
from mcpassport.lab.faults.plain import Plain
from mcpassport.lab.faults.reset import Reset
from mcpassport.lab.faults.stall import Stall
from mcpassport.lab.faults.truncated import Truncated

FAULTS: Mapping[str, type[Fault]] = MappingProxyType(
    {
        "plain": Plain,
        "delay": Delay,
        "paced": Paced,
        "drip": Drip,
        "stall": Stall,
        "truncated": Truncated,
        "close": Close,
        "reset": Reset,
        "flood": Flood,
    }
)


def decode_fault(given: Mapping[str, Any]) -> Fault:
    """`{"kind": name, …options}` as a fault; `ValidationError` for an unknown kind or option."""
    options = dict(given)
    kind = FAULTS.get(str(options.pop("kind", None)))
    if kind is None:
        raise msgspec.ValidationError(f"Unknown fault; the kinds are {', '.join(FAULTS)}")
    return msgspec.convert(options, type=kind)
