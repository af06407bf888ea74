"""Every kind of an integration is described in words, and no other."""

from mcpassport.records.integration import Authorization, Pagination
from mcpassport.reference.kinds import (
    AUTHORIZATION_WORDS,
    BODY_WORDS,
    PAGING_WORDS,
    authorization_words,
    paging_words,
)
from mcpassport.upstream.auth import AUTHORIZATIONS
from mcpassport.upstream.bodies import BODY_FORMATS
from mcpassport.upstream.paging import PAGINATIONS


def test_the_words_are_those_of_the_tables() -> None:
    """A new kind must bring its words, or the reference could not describe it."""
    assert set(PAGING_WORDS) == set(PAGINATIONS)
    assert set(AUTHORIZATION_WORDS) == set(AUTHORIZATIONS)
    assert set(BODY_WORDS) == set(BODY_FORMATS)


def test_the_words_name_what_the_integration_says() -> None:
    """Parameters, paths and headers stand in them."""
    offset = Pagination("offset", offset_param="skip", total_path="meta.total")
    assert "`skip`" in paging_words(offset)
    assert "`meta.total`" in paging_words(offset)
    both = Authorization("expression", value="{}", headers=("X-Id", "X-Key"))
    assert "`X-Id`, `X-Key`" in authorization_words(both)
    assert "`api_key`" in authorization_words(Authorization("query", "api_key"))
