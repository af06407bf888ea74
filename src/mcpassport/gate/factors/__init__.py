"""Kinds of second factor, one per file; a server names the ones it demands."""

from collections.abc import Mapping
from types import MappingProxyType

from mcpassport.gate.evidence import FactorKind
from mcpassport.gate.factors.api_token import ApiTokenFactor

FACTORS: Mapping[str, FactorKind] = MappingProxyType({"api_token": ApiTokenFactor()})
"""Kind, as servers name it, to its judge."""
