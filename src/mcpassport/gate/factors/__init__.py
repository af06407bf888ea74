"""Kinds of second factor, one per file; a server names the ones it demands."""

from collections.abc import Mapping
from types import MappingProxyType

from mcpassport.gate.evidence import FactorKind
from mcpassport.gate.factors.api_token import ApiTokenFactor
from mcpassport.gate.factors.jwt import JwtFactor
from mcpassport.gate.factors.mtls import MtlsFactor

FACTORS: Mapping[str, FactorKind] = MappingProxyType(
    {"api_token": ApiTokenFactor(), "mtls": MtlsFactor(), "jwt": JwtFactor()}
)
"""Kind, as servers name it, to its judge."""
