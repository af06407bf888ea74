"""`mcpassport reference verify`: is this the document that was signed, and who signed it?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import to_builtins
from yarl import URL

from mcpassport import __version__
from mcpassport.cli.client import LONGEST_ANSWER, host_and_port
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import FOUND, OK, console, print_json, print_table
from mcpassport.errors import UpstreamError, UsageError, meaning_of
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest
from mcpassport.records.release import RELEASE_FILES, SIGNATURE_FILE
from mcpassport.reference.drift import pristine
from mcpassport.reference.signing.verify import (
    Verification,
    fingerprint_in,
    kind_of,
    verify,
)

NOT_ESTABLISHED: Final = 3
"""Exit code where nothing was altered but nobody said whose key to trust."""
_FOUND: Final = 200
_SAID: Final = {
    "verified": "Verified: nothing was altered, and the trusted key signed it.",
    "signer not established": (
        "Signature consistent, signer not established: whoever alters a document can sign it anew "
        "with a key of their own. Give --trust the fingerprint that the vendor told you elsewhere."
    ),
    "altered": "NOT what was signed.",
}


async def verify_(
    source: str,
    *,
    trust: str = "",
    signature: Path | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Compare a published reference with its signature, and name what was altered.

    Works offline on files. Exit code 0 verified, 1 altered, 3 consistent but nobody said whose key
    to trust, 2 unusable input.

    Parameters
    ----------
    source
        Address of a published reference, a folder with a release's files, or one of the files.
    trust
        Fingerprint of the vendor's release key, from a contract or DNS, not from the page.
    signature
        The signature file, where it does not lie beside the file.
    """
    fingerprint = fingerprint_in(trust)
    if trust and not fingerprint:
        raise UsageError("--trust is no fingerprint: 64 hexadecimal digits.")
    if source.startswith(("http://", "https://")):
        files, envelope = await _fetched(source)
    else:
        files, envelope = _read(Path(source), signature)
    found = verify(files, envelope, fingerprint)
    if options.json:
        print_json(to_builtins(found))
    else:
        _tell(found)
    if found.verdict == "altered":
        return FOUND
    return OK if found.verdict == "verified" else NOT_ESTABLISHED


def _tell(found: Verification) -> None:
    if found.release:
        console.print(f"{found.integration} {found.release}, signed with the key {found.signer}")
    for name in found.checked:
        console.print(f"  as signed: {name}")
    columns = {"Altered": "subject", "Name": "name", "What": "text"}
    if found.findings:
        print_table("", columns, to_builtins(found.findings), "")
    console.print(_SAID[found.verdict])


def _read(source: Path, signature: Path | None) -> tuple[dict[str, bytes], bytes]:
    if source.is_dir():
        paths = [source / name for name in RELEASE_FILES if (source / name).exists()]
        if not paths:
            raise UsageError(f"{source} holds none of {', '.join(RELEASE_FILES)}.")
        beside = source / SIGNATURE_FILE
    else:
        paths, beside = [source], source.parent / SIGNATURE_FILE
    contents = [(path.name, _bytes(path)) for path in paths]
    files = {kind_of(name, content): content for name, content in contents}
    return files, _bytes(signature or beside)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        hint = "; --signature names the signature file" if path.name == SIGNATURE_FILE else ""
        raise UsageError(f"{path} cannot be read: {error.strerror}{hint}.") from None


async def _fetched(source: str) -> tuple[Mapping[str, bytes], bytes]:
    """Every file of the release at that address, and the page at the address itself."""
    url = URL(source)
    parts = url.path.rstrip("/").split("/")
    if "reference" not in parts[:-1] or not url.host:
        raise UsageError(
            "The address of a reference ends in /reference/NAME or /reference/NAME/1.0.0."
        )
    root = url.with_path("/".join(parts[: parts.index("reference") + 2])).with_query(None)
    http = HttpClient(
        limits=Limits(),
        private_hosts=(host_and_port(url),),
        user_agent=f"mcpassport-cli/{__version__}",
    )
    try:
        page = pristine(await _get(http, str(url)))
        number = parts[parts.index("reference") + 2 :] or [await _number(http, root)]
        files = {
            name: await _get(http, str(root / number[0] / name))
            for name in RELEASE_FILES
            if name != "index.html"
        }
        return {**files, "index.html": page}, await _get(
            http, str(root / number[0] / SIGNATURE_FILE)
        )
    finally:
        await http.close()


async def _number(http: HttpClient, root: URL) -> str:
    """The newest release, by what the address says of itself."""
    document: Any = msgspec.json.decode(await _get(http, str(root / "releases.json")))
    if not document["published"]:
        raise UsageError(f"No release is published at {root}.")
    return str(document["published"])


async def _get(http: HttpClient, url: str) -> bytes:
    try:
        answer = await http.send(OutboundRequest(method="GET", url=url, max_body=LONGEST_ANSWER))
    except UpstreamError as error:
        cause = meaning_of(type(error)).type.removeprefix("upstream_")
        raise UsageError(f"No usable answer from {url} ({cause}).") from None
    if answer.status != _FOUND:
        raise UsageError(f"{url} answered {answer.status}.")
    return answer.body
