"""`mcpassport init`: settings file, master key, data folder, and the first admin token."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from mcpassport.cli.client import open_api
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console, print_json
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.settings import CONFIG_NAME, Settings
from mcpassport.store.master import create_master_key, load_master_key

SETTINGS = """\
# Settings of mcpassport. Paths are relative to this file.
# Every setting can also be given as MCPASSPORT_<NAME> in the environment.
data_dir = "data"
master_key_file = "master.key"   # keep it apart from backups of data/

public_url = {public_url}      # what customers' clients connect to: https in production
host = "127.0.0.1"
port = 8080

# environment = "production"               # printed in the reference
# vendor_file = "vendor.yaml"              # how the reference is branded
# private_hosts = ["crm.internal:8443"]    # upstreams on private addresses; default: none
# allowed_origins = []                     # browser origins that may call; default: none
# trusted_proxies = ["10.0.0.0/8"]         # networks whose X-Forwarded-For is believed
# default_server_ttl_days = 90
# allow_unexpiring_servers = false
# audit_retention_days = 400
# audit_durability = "disk"                # or "process": faster, may lose rows with the power
# key_backup_days = 7                      # how long you keep copies of the keys; in the reference
# Records, audit trail and keys in PostgreSQL: MCPASSPORT_STORE_URL, since it holds a password

# [limits]
# call_timeout_s = 30
"""


class Deployment(NamedTuple):
    """What `init` made; the token is the only copy."""

    config: Path
    master_key: Path
    token: dict[str, Any]


async def init(
    directory: Path = Path("mcpassport"),
    *,
    public_url: str = "http://127.0.0.1:8080",
    options: Options = DEFAULTS,
) -> None:
    """Make a deployment in DIRECTORY and print its first admin token, this once.

    Parameters
    ----------
    directory
        Where settings, master key and data folder go; nothing that exists is overwritten.
    public_url
        Address that customers' clients connect to.
    """
    if options.config or options.url:
        raise UsageError("init makes its own settings file; leave --config and --url out.")
    made = await make_deployment(directory, public_url)
    token = made.token
    if options.json:
        print_json({"config": str(made.config), "token": token["token"], "token_id": token["id"]})
        return
    console.print(f"Settings     {made.config}")
    console.print(f"Master key   {made.master_key}  (keep it apart from backups)")
    console.print(f"Data folder  {directory / 'data'}")
    console.print(f"\nAdmin token  {token['token']}")
    console.print("It is shown this once: keep it as you keep a password.")
    console.print(f"\nNext: mcpassport serve --config {made.config}")


async def make_deployment(directory: Path, public_url: str) -> Deployment:
    """Settings file, master key, data folder and first admin token.

    Raises:
        UsageError: there is a deployment already, or the public URL is none.
        DataFolderError: something cannot be written; a half-made settings file is taken back.
    """
    try:
        Settings(public_url=public_url)
    except ValidationError:
        raise UsageError(
            f"{public_url!r} is no public URL; write https://host[:port][/path]."
        ) from None
    config = directory / CONFIG_NAME
    if config.exists():
        raise UsageError(f"{config} exists: this deployment is initialised already.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "data").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DataFolderError(
            f"{directory} cannot be made: {error.strerror}. Choose a folder that can be written."
        ) from None
    key_file = directory / "master.key"
    if key_file.exists():
        load_master_key(key_file)
    else:
        create_master_key(key_file, secrets.token_bytes)
    _write_new(config, SETTINGS.format(public_url=json.dumps(public_url)))
    try:
        async with open_api(config, None) as api:
            body = {"role": "admin", "name": "first admin"}
            return Deployment(config, key_file, await api.call("POST", "/api-token", body=body))
    except BaseException:
        with suppress(OSError):
            config.unlink()
        raise


def _write_new(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
    except OSError as error:
        raise DataFolderError(f"{path} cannot be written: {error.strerror}.") from None
