"""Checks of Data flow: which addresses a call may reach."""

import asyncio
from typing import Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.unreached import LOOPBACK, content, tool
from mcpassport.evidence.upstream import Says

FORBIDDEN: Final = "address_forbidden"
REDIRECT: Final = "upstream_redirect"
NAME: Final = "evidencehosts"
HOSTS: Final = (
    *("127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "localhost"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "[fd00::1]"),
    *("169.254.169.254", "169.254.0.1", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200"),
    *("0.0.0.0", "[::]"),  # noqa: S104 - where nothing may be sent
)
STATUSES: Final = (301, 302, 303, 307, 308)


async def vetted(bench: Bench, finding: Finding) -> None:
    """DAT-02. Control: the one address that is listed for this run is reached."""
    met: list[str] = []

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append("somebody")
        writer.close()

    server = await asyncio.start_server(meet, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for number, host in enumerate(HOSTS):
            name = f"{NAME}{number}"
            grant = await bench.grant_on(content(name, f"http://{host}:{port}"))
            came = await bench.call(grant, tool(name))
            finding.expect(came == FORBIDDEN, f"{host}: {FORBIDDEN}", came)
    finding.expect(not met, "whoever listened there was not connected to", len(met))
    listed = await bench.grant_on(content(f"{NAME}listed", bench.lab.origin))
    await bench.lab.answer()
    finding.control = await bench.call(listed, tool(f"{NAME}listed")) == "ok"


async def not_followed(bench: Bench, finding: Finding) -> None:
    """DAT-03. Control: the place that is pointed to answers, and is seen when it is asked."""
    grant = await bench.grant()
    for status in STATUSES:
        away = Says(path="/records/*", status=status, headers=(("Location", "/elsewhere"),))
        await bench.lab.answer(away, Says())
        came = await bench.call(grant, GET, **CALLS[GET])
        sent = [each.target for each in await bench.lab.seen()]
        finding.expect(came == REDIRECT, f"HTTP {status}: {REDIRECT}", came)
        finding.expect(sent == ["/records/r1"], "and no second request", sent)
    await bench.lab.reach("/elsewhere")
    finding.control = (await bench.lab.seen())[-1].target == "/elsewhere"
