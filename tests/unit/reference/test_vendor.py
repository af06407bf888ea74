"""`vendor.yaml`: read strictly, all problems at once."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpassport.errors import UsageError
from mcpassport.reference.compose import compose
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.vendor import LOGO_MAX_BYTES, Vendor, load_vendor

GOOD = """\
name: Acme Ltd
product: Acme for agents
accent: "#0a7d5a"
footer: Questions to security@acme.example
canonical_url: https://acme.example/reference
logo: logo.svg
statements:
  sub_processors: "Hosting Ltd (EU)"
"""
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def _load(tmp_path: Path, text: str, logo: bytes = LOGO) -> Vendor:
    (tmp_path / "logo.svg").write_bytes(logo)
    path = tmp_path / "vendor.yaml"
    path.write_text(text)
    return load_vendor(path)


def test_a_good_file_is_read(tmp_path: Path, make_inputs: Callable[..., Inputs]) -> None:
    """Name, accent, footer, logo and statements reach the page; the logo as an image only."""
    vendor = _load(tmp_path, GOOD)
    page = RENDERERS["html"](compose(make_inputs(vendor=vendor))).decode()
    assert f'<img src="data:image/svg+xml;base64,{base64.b64encode(LOGO).decode()}"' in page
    assert "Hosting Ltd (EU)" in page
    assert "Questions to security@acme.example" in page
    assert "#0a7d5a" in page


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (GOOD.replace("name:", "nmae:"), "nmae"),
        (GOOD.replace("#0a7d5a", "green"), "accent"),
        (GOOD.replace("https://acme", "javascript://acme"), "canonical_url"),
        (GOOD.replace("sub_processors", "subprocessors"), "statements.subprocessors"),
        (GOOD.replace("logo.svg", "../outside.svg"), "logo"),
        (GOOD.replace("logo.svg", "vendor.yaml"), "logo"),
        (GOOD.replace("Acme Ltd", "3"), "name"),
        (GOOD + "name: twice\n", "vendor.yaml"),
        ("- a list\n", "vendor.yaml"),
        ("{", "vendor.yaml"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_mend(tmp_path: Path, text: str, where: str) -> None:
    """Unknown keys, wrong values, doubled keys and foreign files are refused, and said where."""
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, text)
    assert any(where in problem.where and problem.mend for problem in caught.value.problems)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    """One reading tells every problem."""
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, GOOD.replace("name:", "nmae:").replace("#0a7d5a", "green"))
    assert len(caught.value.problems) == 2


def test_a_logo_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """The page stays one small file."""
    with pytest.raises(UsageError, match="logo"):
        _load(tmp_path, GOOD, b" " * (LOGO_MAX_BYTES + 1))


def test_an_absent_file_is_an_error(tmp_path: Path) -> None:
    """A named file that is not there is not silently the default."""
    with pytest.raises(UsageError):
        load_vendor(tmp_path / "vendor.yaml")
