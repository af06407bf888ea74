"""What a server demands of its callers, checked when it is written."""

from collections.abc import Iterator, Sequence

from mcpassport.errors import InvalidInput, Problem
from mcpassport.gate.factors import FACTORS
from mcpassport.gate.oauth import scope_problems
from mcpassport.records.grants import Factor, OAuth

_AS_A_FACTOR = ("issuer", "audience", "required_claims", "algorithms", "skew_s")


def check_factors(factors: Sequence[Factor]) -> None:
    """`InvalidInput` for an unknown factor, one demanded twice, or options that are wrong."""
    kinds = [factor.kind for factor in factors]
    valid = ", ".join(FACTORS)
    problems = tuple(
        Problem(f"/factors/{index}/kind", "factor", f"There is no factor {kind!r}.", valid)
        for index, kind in enumerate(kinds)
        if kind not in FACTORS
    )
    if problems:
        raise InvalidInput(f"A factor is one of: {valid}.", problems=problems)
    if len(set(kinds)) != len(kinds):
        raise InvalidInput("A factor is demanded twice.")
    wrong = tuple(_wrong_options(factors))
    if wrong:
        told = " ".join(f"{each.message} {each.mend}" for each in wrong)
        raise InvalidInput(f"A factor's options are wrong: {told}", problems=wrong)


def _wrong_options(factors: Sequence[Factor]) -> Iterator[Problem]:
    for index, factor in enumerate(factors):
        kind, at = FACTORS[factor.kind], f"/factors/{index}"
        for name in factor.options.keys() - kind.options:
            listed = ", ".join(sorted(kind.options)) or "none"
            yield Problem(f"{at}/{name}", "option", f"{name} is no option.", f"Valid: {listed}.")
        for member, message, mend in kind.problems(factor.options):
            yield Problem(f"{at}/{member}".rstrip("/"), "option", message, mend)


def check_oauth(oauth: OAuth | None) -> None:
    """`InvalidInput` unless access tokens can be verified by it, as identity tokens are."""
    if oauth is None:
        return
    options = {name: getattr(oauth, name) for name in _AS_A_FACTOR}
    options["algorithms"] = list(oauth.algorithms)
    found = (*FACTORS["jwt"].problems(options), *scope_problems(oauth))
    if found:
        problems = tuple(Problem(f"/oauth/{at}", "oauth", said, mend) for at, said, mend in found)
        told = " ".join(f"{said} {mend}" for _, said, mend in found)
        raise InvalidInput(f"oauth is wrong: {told}", problems=problems)
