"""Diagrams as Mermaid text, for Markdown."""

from mcpassport.reference.document import Diagram, DiagramNode
from mcpassport.reference.prose import show

_PLAIN = frozenset(" .,+-/()")


def mermaid(diagram: Diagram) -> str:
    """The diagram in Mermaid's language."""
    return _flow(diagram) if diagram.kind == "flow" else _sequence(diagram)


def _quoted(text: str) -> str:
    """The text with every character that Mermaid may read as syntax as an entity."""
    return "".join(
        each if each.isalnum() or each in _PLAIN else f"#{ord(each)};" for each in show(text)
    )


def _label(node: DiagramNode) -> str:
    note = f"<br/>{_quoted(node.note)}" if node.note else ""
    return f'{node.id}["{_quoted(node.label)}{note}"]'


def _flow(diagram: Diagram) -> str:
    lines = ["flowchart LR"]
    grouped: set[str] = set()
    for index, group in enumerate(diagram.groups):
        lines.append(f'  subgraph group{index}["{_quoted(group.label)}"]')
        for node in diagram.nodes:
            if group.first_row <= node.row <= group.last_row:
                grouped.add(node.id)
                lines.append(f"    {_label(node)}")
        lines.append("  end")
    lines += [f"  {_label(node)}" for node in diagram.nodes if node.id not in grouped]
    for edge in diagram.edges:
        label = f'|"{_quoted(edge.label)}"|' if edge.label else ""
        lines.append(f"  {edge.source} -->{label} {edge.target}")
    return "\n".join(lines)


def _sequence(diagram: Diagram) -> str:
    lines = ["sequenceDiagram"]
    lines += [f"  participant {node.id} as {_quoted(node.label)}" for node in diagram.nodes]
    for edge in diagram.edges:
        arrow = "-->>" if edge.reply else "->>"
        lines.append(f"  {edge.source}{arrow}{edge.target}: {_quoted(edge.label)}")
    return "\n".join(lines)
