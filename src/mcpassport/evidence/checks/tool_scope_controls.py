"""Checks of Tool scope controls: what a filter removes is not listed and cannot be called."""

from mcpassport.evidence.bench import Bench, Finding

READ = {"list_all_evidenceprobe_records", "get_single_evidenceprobe_record_by_id"}
CREATE = "create_a_evidenceprobe_record"


async def hidden_tool(bench: Bench, finding: Finding) -> None:
    """SCO-01. Control: the same tool on a server without a filter does reach the upstream."""
    await bench.lab.answer("/records*", id="r1")
    narrow = await bench.grant(methods=["read"])
    removed = await bench.grant()
    path = f"/integrated-account/{removed.account}"
    patched = await bench.manage(
        "PATCH", path, {"overrides": {"removed_methods": ["records.create"]}}
    )
    await bench.lab.forget()
    for grant, why in ((narrow, "its filter"), (removed, "the admin")):
        listed = set(await bench.tools(grant.token))
        finding.expect(listed == READ, f"tools/list leaves out what {why} removes")
        answer = await bench.call(grant.token, CREATE, text="hidden")
        finding.expect(
            _type(answer) == "unknown_tool", f"a tool that {why} removes is an unknown_tool"
        )
    finding.expect(patched.status == 200, "the admin removed a method")  # noqa: PLR2004  # HTTP OK
    finding.expect(not await bench.lab.seen(), "neither call reached the upstream")
    wide = await bench.grant()
    answer = await bench.call(wide.token, CREATE, text="shown")
    finding.control = "result" in answer and len(await bench.lab.seen()) == 1


def _type(answer: dict[str, object]) -> str:
    error = answer.get("error")
    data = error.get("data") if isinstance(error, dict) else None
    return str(data.get("type", "")) if isinstance(data, dict) else ""
