"""Check of Transport: which versions of TLS the product's own processes speak."""

import asyncio
import ipaddress
import secrets
import socket
import ssl
import sys
import warnings
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.store.keystore import KEY_BYTES

HOST: Final = "127.0.0.1"
LOOKS: Final = 300
LOOK_S: Final = 0.1
_OLD: Final = ssl.TLSVersion.TLSv1_1
_VERSIONS: Final = {
    "TLS 1.1": (_OLD, False),
    "TLS 1.2": (ssl.TLSVersion.TLSv1_2, True),
    "TLS 1.3": (ssl.TLSVersion.TLSv1_3, True),
}


async def own_tls(bench: Bench, finding: Finding) -> None:
    """AUT-10. Control: the same client does speak TLS 1.1, with a server that takes it."""
    with TemporaryDirectory(dir=bench.sandbox.folder) as name:
        folder = Path(name)
        certificate, key = _certificate(folder)
        port = _free_port()
        async with _served(folder, certificate, key, port):
            spoken = {name: await _spoken(port, each) for name, (each, _) in _VERSIONS.items()}
            plain = await _plain(port)
        wanted = {name: taken for name, (_, taken) in _VERSIONS.items()}
        fact = "where TLS ends here: 1.2 and 1.3 are spoken, 1.1 is refused"
        finding.expect(spoken == wanted, fact, spoken)
        finding.expect(not plain.startswith(b"HTTP/"), "plain http is not answered there", plain)
        finding.control = await _speaks_old(certificate, key)


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of its own for loopback, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


@asynccontextmanager
async def _served(folder: Path, certificate: Path, key: Path, port: int) -> AsyncIterator[None]:
    """`mcpassport serve` on a deployment of its own, with that certificate."""
    master, config = folder / "master.key", folder / "mcpassport.toml"
    master.touch(mode=0o600)
    master.write_bytes(b64encode(secrets.token_bytes(KEY_BYTES)))
    (folder / "data").mkdir(mode=0o700)
    config.write_text(
        f'data_dir = "{folder / "data"}"\nmaster_key_file = "{master}"\n'
        f'tls_certificate = "{certificate}"\ntls_key = "{key}"\n'
        f'public_url = "https://{HOST}:{port}"\ndrain_notice_s = 0\n'
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcpassport", "serve"),
        *("--config", str(config), "--port", str(port)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(LOOKS):
            if await _spoken(port, ssl.TLSVersion.TLSv1_3):
                break
            await asyncio.sleep(LOOK_S)
        else:
            raise CheckFailed("serve did not answer with TLS")
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _client(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Speaks that version only, and asks nobody who it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _only(context, version)
    return context


def _only(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    if version is _OLD:
        context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():  # that it is deprecated is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version


async def _spoken(port: int, version: ssl.TLSVersion) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port, ssl=_client(version))
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _plain(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        async with asyncio.timeout(5):
            return await reader.read(64)
    except (OSError, TimeoutError):
        return b""
    finally:
        writer.close()


async def _speaks_old(certificate: Path, key: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _only(context, _OLD)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _r, writer: writer.close(), HOST, 0, ssl=context)
    async with server:
        return await _spoken(server.sockets[0].getsockname()[1], _OLD)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
