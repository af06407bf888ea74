"""How callers reach this deployment: address, TLS, names, proxies."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from cryptography import x509
from yarl import URL

from mcpassport.cli.diagnosis.finding import Diagnosis
from mcpassport.errors import UsageError
from mcpassport.serving.tls import check_tls
from mcpassport.settings import Settings

EXPIRES_SOON: Final = timedelta(days=14)
_MANY: Final = {4: 8, 6: 16}
"""A network with a shorter prefix is hardly one's own proxies."""


def on_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def public_url(settings: Settings) -> Diagnosis:
    """Token URLs travel over it."""
    url = URL(settings.public_url)
    if url.scheme == "http" and settings.terminates_tls:
        return Diagnosis(
            "public URL", "bad", settings.public_url, "TLS ends here: write it with https"
        )
    if url.scheme == "http" and not on_loopback(url.host or ""):
        return Diagnosis(
            "public URL", "bad", settings.public_url, "token URLs need https: put TLS in front"
        )
    if url.scheme == "http":
        return Diagnosis("public URL", "warn", settings.public_url, "fine on this machine only")
    return Diagnosis("public URL", "good", settings.public_url)


def tls(settings: Settings) -> Diagnosis:
    """Certificate and key, or who ends TLS instead."""
    if settings.tls_certificate is None:
        return _tls_elsewhere(settings)
    try:
        check_tls(settings)
    except UsageError as error:
        return Diagnosis("TLS", "bad", str(error), "mend tls_certificate or tls_key")
    return _certificate(settings, settings.tls_certificate)


def _tls_elsewhere(settings: Settings) -> Diagnosis:
    where = f"{settings.host} port {settings.port}"
    if not settings.public_url.startswith("https://"):
        return Diagnosis("TLS", "good", "none: the public URL is http")
    if on_loopback(settings.host):
        return Diagnosis("TLS", "good", f"ends at a proxy on this machine, in front of {where}")
    return Diagnosis(
        "TLS",
        "warn",
        f"ends in front of {where}, which speaks plain HTTP to whoever reaches it",
        "let nobody but the proxy reach it, or set tls_certificate and tls_key",
    )


def _certificate(settings: Settings, path: Path) -> Diagnosis:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    until = certificate.not_valid_after_utc
    seen = f"1.2 and 1.3 end here; {path} is valid until {until:%Y-%m-%d}"
    if until <= datetime.now(UTC):
        return Diagnosis("TLS", "bad", seen, "renew the certificate, then send SIGHUP")
    host = URL(settings.public_url).host or ""
    if not _is_for(certificate, host):
        return Diagnosis("TLS", "bad", f"{path} is not for {host}", "get one for that name")
    if until - datetime.now(UTC) < EXPIRES_SOON:
        return Diagnosis("TLS", "warn", seen, "renew the certificate, then send SIGHUP")
    return Diagnosis("TLS", "good", seen)


def _is_for(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    given = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    wildcard = f"*.{host.partition('.')[2]}"
    return host in addresses or host.lower() in given or wildcard.lower() in given


def hosts(settings: Settings) -> Diagnosis:
    """Which names it answers to; its own must be among them."""
    listed, url = settings.allowed_hosts, URL(settings.public_url)
    own = f"[{url.host}]" if ":" in (url.host or "") else url.host or ""
    if listed and not {own, f"{own}:{url.port}"} & set(listed):
        return Diagnosis(
            "hosts", "bad", f"{own} is not among {', '.join(listed)}", "add it to allowed_hosts"
        )
    if listed:
        return Diagnosis("hosts", "good", ", ".join(listed))
    if on_loopback(settings.host):
        return Diagnosis("hosts", "good", f"{own}, and names of this machine")
    return Diagnosis("hosts", "warn", "any name is answered to", f'allowed_hosts = ["{own}"]')


def origins(settings: Settings) -> Diagnosis:
    """Whose pages may call."""
    plain = [
        origin
        for origin in settings.allowed_origins
        if origin.startswith("http:") and not on_loopback(URL(origin).host or "")
    ]
    if plain:
        return Diagnosis(
            "origins",
            "warn",
            f"{plain[0]} is no https",
            "whoever is in between may change the page",
        )
    return Diagnosis(
        "origins", "good", ", ".join(settings.allowed_origins) or "none: no page may call"
    )


def proxies(settings: Settings) -> Diagnosis:
    """Whose word on the caller's address is taken."""
    wide = [
        text
        for text in settings.trusted_proxies
        if ip_network(text).prefixlen < _MANY[ip_network(text).version]
    ]
    if wide:
        return Diagnosis(
            "trusted proxies", "bad", f"{wide[0]} lets everybody claim an address", "name the proxy"
        )
    behind = settings.public_url.startswith("https://") and not settings.terminates_tls
    if behind and not settings.trusted_proxies:
        return Diagnosis(
            "trusted proxies",
            "warn",
            "none: every stranger counts as the proxy, so their noise stops each other",
            'trusted_proxies = ["address of the proxy/32"]',
        )
    return Diagnosis("trusted proxies", "good", ", ".join(settings.trusted_proxies) or "none")


REACH: tuple[Callable[[Settings], Diagnosis], ...] = (*(public_url, tls, hosts, origins, proxies),)
