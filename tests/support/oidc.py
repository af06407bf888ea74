"""A real OpenID provider (npm oidc-provider) as a process on loopback, and the hand that steers it.

    with running_provider() as provider:
        token = provider.token("https://api.example.test", "read")     # client credentials
        answer = provider.log_in(scope="openid read")                  # code flow with PKCE
        provider.rotate_keys()
        with provider.held("before"):                                  # hangs at the token endpoint
            ...
        provider.seen().grants["refresh_token"]

Everything goes through its real endpoints. Nobody needs a browser: `authorize` follows redirects as
one would. Refresh tokens rotate, and one that is used twice revokes its whole family.
"""

import base64
import contextlib
import hashlib
import json
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Any, Literal
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from tests.peers.npm import ensure_packages, node

PROGRAM = Path(__file__).parents[1] / "peers" / "programs" / "oidc_provider.mjs"
REDIRECT = "http://127.0.0.1:9/callback"
"""Where nobody listens: tests take the code from the address itself."""
HOPS = 20
WAIT_S = 10


@dataclass(frozen=True)
class Client:
    """A client of the provider, registered beforehand."""

    id: str
    secret: str = ""
    redirects: tuple[str, ...] = ()
    grants: tuple[str, ...] = ("authorization_code", "refresh_token")
    method: str = "client_secret_basic"
    """How it authenticates at the token endpoint; `none` for a public client."""

    def document(self) -> dict[str, Any]:
        """Its metadata (RFC 7591)."""
        public = {} if self.method == "none" else {"client_secret": self.secret}
        return public | {
            "client_id": self.id,
            "client_name": self.id,
            "redirect_uris": list(self.redirects),
            "grant_types": list(self.grants),
            "response_types": ["code"] if self.redirects else [],
            "token_endpoint_auth_method": self.method,
        }

    @property
    def basic(self) -> dict[str, str]:
        """The header by which it authenticates (RFC 6749, 2.3.1)."""
        if self.method != "client_secret_basic":
            return {}
        pair = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


MACHINE = Client("machine", "machine-secret-0123456789abcdef", grants=("client_credentials",))
APP = Client("app", "app-secret-0123456789abcdef0123", redirects=(REDIRECT,))


@dataclass(frozen=True)
class Seen:
    """What came in: requests by path, and each answered token request."""

    paths: Mapping[str, int]
    tokens: tuple[Mapping[str, Any], ...]
    """`grant`, `client`, `status` and `error` of each."""
    waiting: int
    """Token requests that are held up now."""
    alive: int
    """Refresh tokens that would be taken."""

    @property
    def grants(self) -> Counter[str]:
        """Answered token requests by grant type."""
        return Counter(token["grant"] for token in self.tokens)

    @property
    def arrived(self) -> int:
        """Token requests, answered or not."""
        return self.paths.get("/token", 0)


class ProviderError(Exception):
    """An answer that is no success: its status, and its JSON if it is any."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {document}")
        self.status = status
        self.document = document


class _Stay(HTTPRedirectHandler):
    def redirect_request(
        self, _req: Request, _fp: IO[bytes], _code: int, _msg: str, _headers: Message, _newurl: str
    ) -> None:
        return None


class Provider:
    """The control of a running provider."""

    def __init__(self, process: "subprocess.Popen[bytes]", issuer: str) -> None:
        self._process = process
        self.issuer = issuer

    @property
    def listing(self) -> str:
        """What `private_hosts` needs to let the gateway in."""
        return urlsplit(self.issuer).netloc

    def tell(self, do: str, **arguments: Any) -> Any:
        """One command to the program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "ok" in answer, answer
        return answer["ok"]

    def set(self, **values: Any) -> None:
        """Change what it does from now on: the members of `state` in the program."""
        self.tell("set", values=values)

    def add(self, client: Client) -> Client:
        """Register a client."""
        self.tell("client", client=client.document())
        return client

    def token(self, audience: str = "", *scopes: str, client: Client = MACHINE) -> str:
        """An access token of client credentials for that audience."""
        form = {"grant_type": "client_credentials"}
        form |= {"resource": audience} if audience else {}
        form |= {"scope": " ".join(scopes)} if scopes else {}
        return str(self.post_token(form, client)["access_token"])

    def log_in(
        self, *, scope: str = "openid read", audience: str = "", client: Client = APP
    ) -> dict[str, Any]:
        """The token answer of a whole code flow with PKCE."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        wanted = {
            "client_id": client.id,
            "response_type": "code",
            "redirect_uri": client.redirects[0],
            "scope": scope,
            "state": secrets.token_urlsafe(16),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        wanted |= {"resource": audience} if audience else {}
        arrived = self.authorize(f"{self.issuer}/auth?{urlencode(wanted)}")
        answer = parse_qs(urlsplit(arrived).query)
        assert answer["state"] == [wanted["state"]], arrived
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"][0],
            "redirect_uri": client.redirects[0],
            "code_verifier": verifier,
        }
        return self.post_token(form, client)

    def refresh(self, refresh_token: str, client: Client = APP) -> dict[str, Any]:
        """The token answer to a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.post_token(form, client)

    def authorize(self, url: str, *, decide: str = "accept") -> str:
        """Follow an authorization address as a browser would; where it leads outside the provider.

        A form (`consent="ask"`) is answered with `decide`. What is returned holds `code` and
        `state`, or `error`.
        """
        opener = build_opener(_Stay, HTTPCookieProcessor(CookieJar()), ProxyHandler({}))
        data: bytes | None = None
        for _ in range(HOPS):
            try:
                with opener.open(Request(url, data=data), timeout=WAIT_S) as answer:
                    assert b"<form" in answer.read(), url
                data = urlencode({"decision": decide}).encode()
                continue
            except HTTPError as error:
                with error:
                    body = error.read()
                if error.status not in {302, 303}:
                    raise ProviderError(error.status or 0, _json(body)) from None
                url, data = urljoin(url, error.headers["Location"]), None
            if not url.startswith(self.issuer + "/"):
                return url
        raise AssertionError(f"no end of redirects: {url}")

    def post_token(self, form: Mapping[str, str], client: Client) -> dict[str, Any]:
        """One token request; `ProviderError` for anything but 200."""
        body = dict(form) | ({"client_id": client.id} if client.method == "none" else {})
        return self.request("/token", urlencode(body).encode(), client.basic)

    def request(
        self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """One request; the JSON of its answer, or `ProviderError`."""
        asked = Request(self.issuer + path, data=body, headers=dict(headers or {}))
        try:
            with build_opener(_Stay, ProxyHandler({})).open(asked, timeout=WAIT_S) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as error:
            with error:
                text = error.read()
            raise ProviderError(error.status or 0, _json(text)) from None

    def private_keys(self) -> list[dict[str, Any]]:
        """Its keys as JWKs, private halves included: what a test needs to sign odd tokens."""
        keys: list[dict[str, Any]] = self.tell("keys")
        return keys

    def rotate_keys(self, *, keep: bool = False) -> list[str]:
        """Sign with new keys; with `keep`, the old ones are still published. The ids of all."""
        kids: list[str] = self.tell("rotate", keep=keep)
        return kids

    def revoke_grants(self) -> None:
        """Forget each grant and its tokens: every refresh is `invalid_grant` from here on."""
        self.tell("revoke")

    def fail_tokens(self, *answers: Mapping[str, Any]) -> None:
        """The next token requests get these: `status`, `body` (JSON), perhaps `headers`."""
        self.tell("fail", answers=[dict(answer) for answer in answers])

    def override(self, path: str, answer: Mapping[str, Any] | None) -> None:
        """Answer that path with `status`, `headers`, `body` (text); None: as before."""
        self.tell("override", path=path, answer=None if answer is None else dict(answer))

    @contextlib.contextmanager
    def held(self, where: Literal["before", "after"]) -> Iterator[None]:
        """Token requests hang: before they have an effect, or after, so that the answer is late.

        At the end of the block they go on.
        """
        self.tell("hold", where=where)
        try:
            yield
        finally:
            self.tell("hold", where=None)

    def wait_until_held(self, count: int = 1) -> None:
        """Wait for so many token requests to hang; fails after 10 seconds."""
        deadline = time.monotonic() + WAIT_S
        while self.seen().waiting < count:
            assert time.monotonic() < deadline, "no token request came"
            time.sleep(0.01)

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens; at the end of the block it does again, at the same address."""
        self.tell("down")
        try:
            yield
        finally:
            self.tell("up")

    def seen(self) -> Seen:
        """What came in since it started."""
        found = self.tell("seen")
        return Seen(found["paths"], tuple(found["tokens"]), found["waiting"], found["alive"])


def _json(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def running_provider(*clients: Client) -> Iterator[Provider]:
    """A provider on a free loopback port that knows `MACHINE`, `APP` and the clients given."""
    program = PROGRAM.read_text()
    process = subprocess.Popen(
        [str(node()), "--input-type=module", "--eval", program],
        cwd=ensure_packages("oidc"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        provider = Provider(process, json.loads(process.stdout.readline())["issuer"])
        for client in (MACHINE, APP, *clients):
            provider.add(client)
        yield provider
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=WAIT_S)
