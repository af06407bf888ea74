"""What `mcpassport stdio` is started with: the server's address and the secrets beside it."""

from pathlib import Path

import pytest
from tests.support.commands import Shell

SECRET = "mcpp_srv_planted"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "Name the MCP server once"),
        (["--url", "https://x/mcp/a", "--url-env", "U"], "Name the MCP server once"),
        (["--url", f"ftp://x/mcp/{SECRET}"], "not an http"),
        (["--url", f"https://user:{SECRET}@x/mcp/a"], "not an http"),
        (["--url", f"https://[/mcp/{SECRET}"], "not an http"),
        (["--url", f"https://x/{SECRET}"], "holds no /mcp/"),
        (["--url-env", "NOT_SET_ANYWHERE"], "The variable NOT_SET_ANYWHERE holds no usable text"),
        (["--url-file", "/nowhere/url"], "/nowhere/url: No such file"),
        (
            ["--url", "https://x/mcp/s/1", "--api-token-env", "A", "--api-token-file", "B"],
            "a variable or a file",
        ),
        (["--url", "https://x/mcp/s/1", "--server-token-file", "tokens"], "no usable text"),
    ],
)
def test_a_wrong_start_is_refused_without_the_secret(
    bare: Shell, tmp_path: Path, options: list[str], says: str
) -> None:
    """Exit code 2, a sentence on standard error, nothing on standard output."""
    (tmp_path / "tokens").write_text(f"{SECRET}\n{SECRET}")
    ran = bare("stdio", *options)
    assert ran.code == 2
    assert ran.out == ""
    assert says in ran.err
    assert SECRET not in ran.err
