"""Settings: where they come from, what is refused, what is told and what is kept quiet."""

import asyncio
import base64
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import InvalidSettings
from mcpassport.limits import LIMITS, Limits
from mcpassport.records.masked import KeyMaterial
from mcpassport.settings import CLAIM_RELEVANT, Settings, load
from mcpassport.store import open_store

SOURCE = Path(__file__).parents[2] / "src" / "mcpassport"
KEY = base64.b64encode(bytes(range(32))).decode()
PLANTED = "planted-secret-that-is-no-key"


def config(folder: Path, text: str) -> Path:
    """A settings file with that text."""
    path = folder / "mcpassport.toml"
    path.write_text(text)
    return path


def wrong(**given: str) -> dict[str, str]:
    """Where -> message of the problems that those variables make."""
    with pytest.raises(InvalidSettings) as caught:
        load(None, {f"MCPASSPORT_{name.upper()}": value for name, value in given.items()})
    return {problem.where: problem.message for problem in caught.value.problems}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run where no settings file is."""
    monkeypatch.chdir(tmp_path)


def test_without_a_file_and_variables_the_defaults_hold() -> None:
    """Nothing has to be set, and what is not set is safe: loopback, no private hosts, expiry."""
    settings = load(None, {})
    assert settings == Settings()
    assert (settings.host, settings.private_hosts) == ("127.0.0.1", ())
    assert not settings.allow_unexpiring_servers
    assert settings.limits == Limits()


def test_a_file_is_read_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    """Every kind of value arrives, and a path means the same wherever the program is started."""
    folder = tmp_path / "etc"
    folder.mkdir()
    path = config(
        folder,
        'data_dir = "data"\nmaster_key_file = "../master.key"\nvendor_file = "vendor.yaml"\n'
        'private_hosts = ["crm.internal:8443"]\nport = 9000\nallow_unexpiring_servers = true\n'
        "[limits]\ncall_timeout_s = 7\n",
    )
    settings = load(path, {})
    assert settings.data_dir == folder / "data"
    assert settings.master_key_file == folder / "../master.key"
    assert settings.vendor_file == folder / "vendor.yaml"
    assert settings.private_hosts == ("crm.internal:8443",)
    assert (settings.port, settings.allow_unexpiring_servers) == (9000, True)
    assert settings.limits.call_timeout_s == 7


@pytest.mark.parametrize("place", ["mcpassport.toml", "mcpassport/mcpassport.toml"])
def test_a_file_is_found_here_or_in_the_folder_that_init_makes(place: str, tmp_path: Path) -> None:
    """No option is needed where `init` was run, nor inside the folder it made."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("port = 9001\n")
    assert load(None, {}).port == 9001


def test_the_environment_goes_before_the_file_and_an_option_before_both(tmp_path: Path) -> None:
    """Defaults, then the file, then the variables; `config` goes before MCPASSPORT_CONFIG."""
    path = config(tmp_path, "port = 9000\n[limits]\ncall_timeout_s = 7\nbatch_length = 3\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 1\n")
    variables = {
        "MCPASSPORT_CONFIG": str(other),
        "MCPASSPORT_HOST": "0.0.0.0",
        "MCPASSPORT_LIMITS_CALL_TIMEOUT_S": "9",
        "HOME": "/ignored",
    }
    settings = load(path, variables)
    assert (settings.port, settings.host) == (9000, "0.0.0.0")
    assert (settings.limits.call_timeout_s, settings.limits.batch_length) == (9, 3)
    assert load(None, variables).port == 1


def test_lists_in_variables_are_separated_by_commas() -> None:
    """Spaces around the commas and an empty list are fine."""
    given = {"MCPASSPORT_ALLOWED_HOSTS": " a.example , b.example,", "MCPASSPORT_PRIVATE_HOSTS": ""}
    settings = load(None, given)
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.private_hosts == ()


def test_every_problem_is_told_at_once_with_where_it_stands(tmp_path: Path) -> None:
    """Wrong values and unknown names of file and environment, limits one by one, in one error."""
    path = config(
        tmp_path,
        'port = "no"\ncolour = "red"\npublic_url = "ftp://x"\n'
        "[limits]\nnonsense = 1\ncall_timeout_s = 100000\n",
    )
    with pytest.raises(InvalidSettings, match="7 problems") as caught:
        load(path, {"MCPASSPORT_WORKERS": "0", "MCPASSPORT_LIMITS_JSON_DEPTH": "deep"})
    found = {problem.where: problem.message for problem in caught.value.problems}
    assert set(found) == {
        *(f"{path}: {name}" for name in ("port", "colour", "public_url")),
        *(f"{path}: limits.{name}" for name in ("nonsense", "call_timeout_s")),
        "MCPASSPORT_WORKERS",
        "MCPASSPORT_LIMITS_JSON_DEPTH",
    }
    assert found[f"{path}: colour"] == "no such setting"
    assert "the limits are batch_length" in found[f"{path}: limits.nonsense"]
    assert found["MCPASSPORT_LIMITS_JSON_DEPTH"] == (
        "json_depth is a whole number from 1 to 128 (levels)"
    )


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_goes_up_to_its_ceiling_and_no_further(name: str) -> None:
    """The ceiling is allowed, one more and zero are not, and the message says the ceiling."""
    ceiling = LIMITS[name].ceiling
    settings = load(None, {f"MCPASSPORT_LIMITS_{name.upper()}": str(ceiling)})
    assert getattr(settings.limits, name) == ceiling
    for value in (ceiling + 1, 0):
        (message,) = wrong(**{f"limits_{name}": str(value)}).values()
        assert f"from 1 to {ceiling}" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "https://user:planted@x.example"),
        ("public_url", "https://x.example/?a=1"),
        ("public_url", "https://x.example/#a"),
        ("public_url", "x.example"),
        ("public_url", "http://["),
        ("private_hosts", "crm.internal"),
        ("private_hosts", "crm.internal:0"),
        ("private_hosts", "crm.internal:70000"),
        ("private_hosts", "crm.internal:²"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "proxy.example"),
        ("limits_json_depth", "²"),
        ("limits", "3"),
        ("default_server_ttl_days", "0"),
        ("audit_retention_days", "1"),
        ("port", "65536"),
        ("nonsense", "1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_the_start(name: str, value: str) -> None:
    """It is one problem, told under the variable's name, and no user name of a URL is repeated."""
    found = wrong(**{name: value})
    assert set(found) == {f"MCPASSPORT_{name.upper()}"}
    assert "planted" not in str(found)


@pytest.mark.parametrize("text", ["limits = 3\n", 'limits = "many"\n', "data_dir = 3\n"])
def test_a_file_with_values_of_the_wrong_kind_is_a_problem_not_a_crash(
    text: str, tmp_path: Path
) -> None:
    """Limits that are no table, with a limit in the environment beside them, and paths likewise."""
    with pytest.raises(InvalidSettings):
        load(config(tmp_path, text), {"MCPASSPORT_LIMITS_NONSENSE": "8"})


def test_a_file_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    """Neither a missing nor a broken file is passed over in silence."""
    for text in ("port = ", "port = 1\nport = 2\n"):
        with pytest.raises(InvalidSettings, match=r"mcpassport\.toml cannot be read as TOML"):
            load(config(tmp_path, text), {})
    (tmp_path / "mcpassport.toml").write_bytes(b'host = "\xff"\n')
    with pytest.raises(InvalidSettings, match="cannot be read"):
        load(tmp_path / "mcpassport.toml", {})
    with pytest.raises(InvalidSettings, match="mcpassport init"):
        load(tmp_path / "absent.toml", {})


def test_the_master_key_may_come_from_the_environment_and_is_never_shown() -> None:
    """Its value is in no `repr`, and a key that is none is not repeated in the error."""
    settings = load(None, {"MCPASSPORT_MASTER_KEY": KEY})
    assert settings.master_key is not None
    assert settings.master_key.unwrap() == bytes(range(32))
    assert KEY not in repr(settings) + str(settings)
    for value in (PLANTED, base64.b64encode(b"short").decode()):
        with pytest.raises(InvalidSettings) as caught:
            load(None, {"MCPASSPORT_MASTER_KEY": value})
        said = str(caught.value) + repr(caught.value.problems)
        assert value not in said
        assert "MCPASSPORT_MASTER_KEY" in said


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://App.example:443", "https://app.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        *(
            (text, None)
            for text in ("https://a.example/", "https://a.example/x", "null", "a.example")
        ),
        *(
            (text, None)
            for text in ("https://*.example", "ftp://a.example", "https://u:p@a.example")
        ),
    ],
)
def test_an_origin_is_written_as_browsers_send_it(given: str, kept: str | None) -> None:
    """Lower case, without default port; whatever no browser sends is a clear error."""
    if kept is None:
        with pytest.raises(InvalidSettings) as refused:
            load(None, {"MCPASSPORT_ALLOWED_ORIGINS": given})
        (problem,) = refused.value.problems
        assert problem.where == "MCPASSPORT_ALLOWED_ORIGINS"
        assert "not an origin such as" in problem.message
    else:
        assert load(None, {"MCPASSPORT_ALLOWED_ORIGINS": given}).allowed_origins == (kept,)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        *((text, text.lower()) for text in ("MCP.example", "mcp.example:8443", "[::1]:8080")),
        *((text, None) for text in ("https://mcp.example", "a/b", "a b", "*.example", "a:99999")),
    ],
)
def test_a_host_is_a_name_with_or_without_port(given: str, kept: str | None) -> None:
    """Neither an address nor a pattern."""
    if kept is None:
        with pytest.raises(InvalidSettings, match="problem"):
            load(None, {"MCPASSPORT_ALLOWED_HOSTS": given})
    else:
        assert load(None, {"MCPASSPORT_ALLOWED_HOSTS": given}).allowed_hosts == (kept,)


@pytest.mark.parametrize("name", ["TLS_CERTIFICATE", "TLS_KEY"])
def test_a_certificate_and_its_key_belong_together(name: str) -> None:
    """One without the other is told."""
    with pytest.raises(InvalidSettings) as refused:
        load(None, {f"MCPASSPORT_{name}": "/elsewhere/file.pem"})
    assert "belong together" in refused.value.problems[0].message


def test_settings_cannot_be_changed() -> None:
    """One frozen object per process."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  # what must not work


CHANGED: dict[str, Any] = {
    "publish": "required",
    "public_url": "https://mcp.example",
    "environment": "production",
    "private_hosts": ("crm.internal:8443",),
    "allowed_origins": ("https://app.example",),
    "allowed_hosts": ("mcp.example",),
    "trusted_proxies": ("10.0.0.0/8",),
    "client_cert_header": "rfc9440",
    "default_server_ttl_days": 30,
    "allow_unexpiring_servers": True,
    "audit_retention_days": 100,
    "audit_durability": "process",
    "audit_volume_bytes": 10**9,
    "key_backup_days": 8,
    "evidence_max_age_days": 30,
    "workers": 4,
    "tls_certificate": Path("/elsewhere/certificate.pem"),
    "limits": Limits(call_timeout_s=29),
}
QUIET: dict[str, Any] = {
    "data_dir": Path("/elsewhere"),
    "master_key_file": Path("/elsewhere/key"),
    "master_key": KeyMaterial(bytes(32)),
    "previous_master_key_file": Path("/elsewhere/key"),
    "previous_master_key": KeyMaterial(bytes(32)),
    "store_url": "sqlite:////elsewhere",
    "keys_url": "sqlite:////elsewhere",
    "vendor_file": Path("/elsewhere/vendor.yaml"),
    "evidence_file": Path("/elsewhere/evidence.json"),
    "proxy_secret": "p" * 32,
    "host": "0.0.0.0",
    "port": 9,
    "drain_notice_s": 9,
    "drain_timeout_s": 9,
}


def test_the_digest_follows_what_the_reference_says_and_nothing_else() -> None:
    """Each claim-relevant setting changes it; secrets, paths and addresses do not."""
    assert set(CHANGED) == set(CLAIM_RELEVANT)
    # The key belongs to its certificate: there is never one without the other.
    assert set(CHANGED) | set(QUIET) == set(Settings.model_fields) - {"tls_key"}
    usual = Settings().digest()

    def digest(name: str, value: Any) -> str:
        pair: dict[str, Any] = {}
        if "tls" in name:
            pair = {"tls_certificate": Path("/c"), "tls_key": Path("/k")}
        if "client_cert" in name:
            pair = {"trusted_proxies": ("10.0.0.0/8",), "proxy_secret": "p" * 32}
        return Settings(**{**pair, name: value}).digest()

    assert len({digest(*each) for each in CHANGED.items()} - {usual}) == len(CHANGED)
    assert {digest(*each) for each in QUIET.items()} == {usual}
    assert re.fullmatch("[0-9a-f]{64}", usual)


@pytest.mark.parametrize("name", ["store_url", "keys_url"])
def test_of_store_and_keys_only_the_kind_is_in_the_digest(name: str) -> None:
    """Evidence of one kind of store says nothing about another; its URL holds a password."""
    urls: list[Any] = [f"postgresql://app:{word}@{word}/x" for word in ("a", "b")]
    one, other = (Settings(**{name: url}).digest() for url in urls)
    assert one == other != Settings().digest()


@pytest.mark.parametrize("name", ["plain", "a b", "50%25", "what?", "a#b", "é"])
def test_the_store_url_leads_back_to_the_data_folder(name: str, tmp_path: Path) -> None:
    """Whatever characters the folder's name holds."""
    settings = Settings(data_dir=tmp_path / name)
    asyncio.run(open_store(settings.records_url).close())
    found = [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("data.db"))]
    assert found == [f"{name}/data.db"]


URL_WITH_PASSWORD = "postgresql://app:planted-password@db.example:5432/mcpassport"


def test_the_password_of_a_store_is_never_shown() -> None:
    """Neither settings nor a refusal repeat it; the opening of the store reads it in full."""
    settings = load(None, {"MCPASSPORT_STORE_URL": URL_WITH_PASSWORD})
    assert settings.records_url == URL_WITH_PASSWORD
    shown = [repr(settings), str(settings), repr(settings.model_dump()), f"{settings.store_url}"]
    with pytest.raises(InvalidSettings) as refused:
        load(None, {"MCPASSPORT_STORE_URL": f"{URL_WITH_PASSWORD} \n"})
    shown += [str(refused.value), repr(refused.value.problems)]
    for url in (
        "postgresql://app:planted-password@db/",
        "postgresql://app:planted-password@[db/x",
        "postgresql://app:planted-password@db:port/x",
        "postgresql://app:planted-password@db/x?schema=Robert';--",
        "postgres://app:planted-password@db/x",
    ):
        with pytest.raises(InvalidSettings) as refused:
            open_store(url)
        shown += [str(refused.value), repr(refused.value)]
        assert refused.value.__cause__ is None
    assert "planted-password" not in "".join(shown)


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=4))
def test_no_environment_makes_anything_but_settings_or_a_clear_error(
    variables: dict[str, str],
) -> None:
    """Whatever the variables hold, they load or every problem has a place and a text."""
    try:
        load(None, {f"MCPASSPORT_{name}": value for name, value in variables.items()})
    except InvalidSettings as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.where and problem.message for problem in problems)


def test_only_settings_read_the_environment() -> None:
    """`os.environ` and `getenv` are read nowhere else; `serve` sets a variable for its workers."""
    reading = re.compile(r"os\.environ(?!\[CONFIG_VARIABLE\] = )|getenv|from os import environ")
    samples = {"reference/sdk_blocks.py"}  # text that customers copy
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if reading.search(path.read_text())
    }
    assert found - samples == {"settings.py"}
