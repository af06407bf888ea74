"""Settings: one frozen object, read once from a TOML file and the environment.

This is the only module that reads the environment. Every problem is reported at once, and no
message repeats a secret. Order: defaults, then the file, then `MCPASSPORT_<NAME>` variables.
Lists in variables are separated by commas; a limit is `MCPASSPORT_LIMITS_<NAME>`.
"""

import hashlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import rfc8785
from msgspec import structs
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from mcpassport.errors import InvalidSettings, Problem
from mcpassport.limits import AUDIT_RETENTION_DAYS, AUDIT_RETENTION_FLOOR_DAYS, Limits
from mcpassport.records.masked import KeyMaterial, MaskedUrl, SharedSecret
from mcpassport.setting_types import (
    CertificateHeader,
    Hosts,
    Listed,
    Origins,
    WrongLimits,
    is_plain_address,
    key_material,
    limits_of,
    masked_url,
    shared_secret,
)

ENV_PREFIX = "MCPASSPORT_"
CONFIG_VARIABLE = "MCPASSPORT_CONFIG"
CONFIG_NAME = "mcpassport.toml"
LIMIT_PREFIX = "limits_"
MAX_PORT = 65_535
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}")
SEARCH = (Path(CONFIG_NAME), Path("mcpassport") / CONFIG_NAME)
"""Where a config file is looked for when none is named."""
PATHS = (
    *("data_dir", "master_key_file", "previous_master_key_file", "vendor_file", "evidence_file"),
    *("tls_certificate", "tls_key"),
)
"""Settings that are paths, relative to the file that names them."""


class Settings(BaseModel):
    """What this deployment is told. Claim-relevant fields are marked in `CLAIM_RELEVANT`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    data_dir: Path = Path("mcpassport/data")
    store_url: Annotated[MaskedUrl | None, BeforeValidator(masked_url)] = None
    keys_url: Annotated[MaskedUrl | None, BeforeValidator(masked_url)] = None
    master_key_file: Path = Path("mcpassport/master.key")
    master_key: Annotated[KeyMaterial | None, BeforeValidator(key_material)] = None
    previous_master_key_file: Path | None = None
    previous_master_key: Annotated[KeyMaterial | None, BeforeValidator(key_material)] = None
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    tls_certificate: Path | None = None
    tls_key: Path | None = Field(default=None, validate_default=True)
    drain_notice_s: int = Field(default=2, ge=0, le=120)
    drain_timeout_s: int = Field(default=30, ge=1, le=600)
    public_url: str = "http://127.0.0.1:8080"
    environment: str = ""
    vendor_file: Path | None = None
    evidence_file: Path | None = None
    evidence_max_age_days: int = Field(default=90, ge=1, le=366)
    private_hosts: Listed = ()
    allowed_origins: Origins = ()
    allowed_hosts: Hosts = ()
    trusted_proxies: Listed = ()
    proxy_secret: Annotated[SharedSecret | None, BeforeValidator(shared_secret)] = None
    client_cert_header: CertificateHeader = ""
    default_server_ttl_days: int = Field(default=90, ge=1, le=3650)
    allow_unexpiring_servers: bool = False
    audit_retention_days: int = Field(
        default=AUDIT_RETENTION_DAYS, ge=AUDIT_RETENTION_FLOOR_DAYS, le=3650
    )
    audit_durability: Literal["process", "disk"] = "disk"
    audit_volume_bytes: int = Field(default=0, ge=0)
    key_backup_days: int = Field(default=7, ge=1, le=3650)
    publish: Literal["open", "required"] = "open"
    limits: Annotated[Limits, BeforeValidator(limits_of)] = Limits()

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not is_plain_address(value):
            raise ValueError("write it as https://host[:port][/path], without query or user")
        return value.rstrip("/")

    @field_validator("tls_key")
    @classmethod
    def _with_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_certificate") is None):
            raise ValueError("tls_certificate and tls_key belong together: give both, or neither")
        return value

    @field_validator("private_hosts")
    @classmethod
    def _host_ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            host, _, port = entry.rpartition(":")
            number = int(port) if _WHOLE_NUMBER.fullmatch(port) else 0
            if not host or not 1 <= number <= MAX_PORT:
                raise ValueError(f"{entry!r} is not host:port")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            try:
                ip_network(entry)
            except ValueError:
                raise ValueError(f"{entry!r} is not a network such as 10.0.0.0/8") from None
        return value

    @field_validator("client_cert_header")
    @classmethod
    def _believable(cls, value: CertificateHeader, info: ValidationInfo) -> CertificateHeader:
        """Without a proxy that can prove itself, anybody could write the header."""
        if value and not (info.data.get("trusted_proxies") and info.data.get("proxy_secret")):
            raise ValueError("it needs trusted_proxies and proxy_secret, or nobody is believed")
        return value

    @property
    def terminates_tls(self) -> bool:
        """Whether TLS ends in this deployment's own processes."""
        return self.tls_certificate is not None

    @property
    def records_url(self) -> str:
        """Where records and audit rows live: `store_url`, else the data folder; never shown."""
        if self.store_url is not None:
            return self.store_url.in_full()
        return f"sqlite:///{quote(str(self.data_dir.absolute()))}"

    @property
    def keyring_url(self) -> str:
        """Where the wrapped keys live: `keys_url`, else beside the records; never shown."""
        return self.records_url if self.keys_url is None else self.keys_url.in_full()

    def digest(self) -> str:
        """SHA-256 (hex) over the RFC 8785 JSON of the claim-relevant settings.

        Of the store and the keys only their kinds count: the rest of a URL may be a secret.
        """
        relevant = {name: _plain(getattr(self, name)) for name in CLAIM_RELEVANT}
        relevant["store"] = self.records_url.partition(":")[0]
        relevant["keys"] = self.keyring_url.partition(":")[0]
        return hashlib.sha256(rfc8785.dumps(relevant)).hexdigest()


CLAIM_RELEVANT = (
    "public_url",
    "environment",
    "private_hosts",
    "allowed_origins",
    "allowed_hosts",
    "trusted_proxies",
    "client_cert_header",
    "default_server_ttl_days",
    "allow_unexpiring_servers",
    "audit_retention_days",
    "audit_durability",
    "audit_volume_bytes",
    "key_backup_days",
    "publish",
    "evidence_max_age_days",
    "workers",
    "tls_certificate",
    "limits",
)
"""Settings that change what a sentence of the reference says, or what a check would find."""


def _plain(value: Any) -> Any:
    if isinstance(value, Limits):
        return structs.asdict(value)
    if isinstance(value, Path):
        return True  # a path counts as given or not, wherever it leads
    return list(value) if isinstance(value, tuple) else value


def notify_address() -> str:
    """Where the service manager wants to be told of our state; empty when nobody asked."""
    return os.environ.get("NOTIFY_SOCKET", "")


def named_variable(name: str) -> str:
    """What the variable holds that an option of a command names; empty where there is none."""
    return os.environ.get(name, "")


def load(config: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises `InvalidSettings` naming every problem at once.

    Paths in a file are relative to that file. Without `config`, `MCPASSPORT_CONFIG` names the
    file, else `mcpassport.toml` or `mcpassport/mcpassport.toml` here; none is fine too.
    """
    variables = os.environ if environ is None else environ
    path = _find(config, variables)
    values = _from_file(path) if path else {}
    given, limits = _from_environment(variables)
    merged: dict[str, Any] = {**values, **given}
    if limits and isinstance(merged.get("limits", {}), dict):
        merged["limits"] = {**merged.get("limits", {}), **limits}
    try:
        return Settings(**merged)
    except ValidationError as error:
        problems = tuple(
            problem
            for item in error.errors(include_input=False)
            for problem in _problems(dict(item), path, variables)
        )
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise InvalidSettings(f"The settings have {count}.", problems=problems)


def _find(config: Path | None, variables: Mapping[str, str]) -> Path | None:
    named = config or (Path(variables[CONFIG_VARIABLE]) if CONFIG_VARIABLE in variables else None)
    if named is not None:
        if not named.is_file():
            raise InvalidSettings(
                f"There is no settings file {named}; `mcpassport init` makes one."
            )
        return named
    return next((path for path in SEARCH if path.is_file()), None)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{path} cannot be read as TOML: {error}") from None
    for name in PATHS:
        if isinstance(values.get(name), str):
            values[name] = (path.parent / values[name]).absolute()
    return values


def _from_environment(
    variables: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, int | str]]:
    """The variables by setting, and apart from them the limits, each by its name."""
    found: dict[str, str] = {}
    limits: dict[str, int | str] = {}
    for name, text in variables.items():
        if not name.startswith(ENV_PREFIX) or name == CONFIG_VARIABLE:
            continue
        key = name.removeprefix(ENV_PREFIX).lower()
        if key.startswith(LIMIT_PREFIX):
            limits[key.removeprefix(LIMIT_PREFIX)] = (
                int(text) if _WHOLE_NUMBER.fullmatch(text) else text
            )
        else:
            found[key] = text
    return found, limits


def _problems(
    item: dict[str, Any], path: Path | None, variables: Mapping[str, str]
) -> Iterator[Problem]:
    """What one error of the model says; a limit has a problem of its own."""
    name = ".".join(str(part) for part in item["loc"])
    error = item.get("ctx", {}).get("error")
    if isinstance(error, WrongLimits):
        for limit, text in error.wrong.items():
            yield Problem(_where(f"limits.{limit}", path, variables), "settings", text)
        return
    message = "no such setting" if item["type"] == "extra_forbidden" else str(item["msg"])
    yield Problem(_where(name, path, variables), "settings", message.removeprefix("Value error, "))


def _where(name: str, path: Path | None, variables: Mapping[str, str]) -> str:
    """Where the value was read: the environment goes before the file."""
    variable = ENV_PREFIX + name.partition(".")[0].upper()
    if name.startswith("limits."):
        variable = ENV_PREFIX + name.replace(".", "_").upper()
    return variable if variable in variables or path is None else f"{path}: {name}"
