"""TLS handshakes of one version each, old ones among them."""

import socket
import ssl
import threading
import warnings
from pathlib import Path

from tests.support.certificates import server_context

SOON_S = 60
VERSIONS = ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3")


def only(version: str, trusted: Path | None = None) -> ssl.SSLContext:
    """A client that speaks this version and no other, however old it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if trusted is not None:
        context.load_verify_locations(trusted)
        context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL refuses the old ones by itself
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        chosen = ssl.TLSVersion[version]
        context.minimum_version = context.maximum_version = chosen
    return context


def handshake(port: int, context: ssl.SSLContext) -> str | None:
    """The version that was agreed on; None when the server refused."""
    with socket.create_connection(("127.0.0.1", port), SOON_S) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
                return secured.version()
        except (ssl.SSLError, ConnectionResetError):
            return None


class OldServer:
    """Speaks every version: what shows that the probe could find an old one."""

    def __init__(self, folder: Path) -> None:
        context, _ = server_context(folder)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for _ in VERSIONS:
            raw, _address = self._listening.accept()
            with self._context.wrap_socket(raw, server_side=True) as secured:
                secured.recv(1)

    def close(self) -> None:
        """Every version has been probed."""
        self._thread.join(SOON_S)
        self._listening.close()
