"""Diagrams as inline SVG. Colours come from classes, so that both colour schemes work."""

from collections.abc import Iterable, Mapping
from typing import Final

from markupsafe import Markup

from mcpassport.reference.document import Diagram, DiagramEdge, DiagramNode
from mcpassport.reference.prose import show

_BOX_W: Final = 178
_BOX_H: Final = 54
_GAP_X: Final = 46
_GAP_Y: Final = 58
_PAD: Final = 14
_LANE: Final = 212
_STEP: Final = 40
_TURN: Final = 14
"""How far from the middle of a box an arrow stands that is not alone there, in pixels."""
_CHARACTER: Final = 6.6
"""Width of a character at the size of the labels, in pixels; generous."""


def svg(diagram: Diagram) -> Markup:
    """The diagram as one `<svg>` element; its words are also in the figure's caption."""
    return _flow(diagram) if diagram.kind == "flow" else _sequence(diagram)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "middle") -> Markup:
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        _number(x), _number(y), kind, anchor, show(text)
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _canvas(diagram: Diagram, size: tuple[float, float], parts: Iterable[Markup]) -> Markup:
    arrow = f"{diagram.anchor}-arrow"
    head = Markup(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{alt}">'
        '<defs><marker id="{arrow}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="d-head"/></marker></defs>'
    ).format(w=_number(size[0]), h=_number(size[1]), alt=show(diagram.alt), arrow=arrow)
    return head + Markup("").join(parts) + Markup("</svg>")


def _line(diagram: Diagram, path: str, *, reply: bool = False) -> Markup:
    return Markup('<path d="{}" class="{}" marker-end="url(#{})"/>').format(
        path, "d-reply" if reply else "d-edge", f"{diagram.anchor}-arrow"
    )


def _flow(diagram: Diagram) -> Markup:
    top = 26 if diagram.groups else 0
    columns = 1 + max(node.column for node in diagram.nodes)
    rows = 1 + max(node.row for node in diagram.nodes)
    step_y = _BOX_H + _GAP_Y
    places = {
        node.id: (
            _PAD + node.column * (_BOX_W + _GAP_X),
            _PAD + top + node.row * step_y,
        )
        for node in diagram.nodes
    }
    width = 2 * _PAD + columns * (_BOX_W + _GAP_X) - _GAP_X
    height = 2 * _PAD + top + rows * step_y - _GAP_Y
    frames = (
        _frame(group.label, width, top + group.first_row * step_y, group.last_row - group.first_row)
        for group in diagram.groups
    )
    lines = (_edge(diagram, edge, places) for edge in diagram.edges)
    boxes = (_box(node, places[node.id]) for node in diagram.nodes)
    return _canvas(diagram, (width, height), (*frames, *lines, *boxes))


def _frame(label: str, width: float, y: float, extra_rows: int) -> Markup:
    height = 2 * _PAD + 20 + _BOX_H + extra_rows * (_BOX_H + _GAP_Y)
    rect = Markup('<rect x="1" y="{}" width="{}" height="{}" rx="6" class="d-group"/>').format(
        _number(y - 20), _number(width - 2), height
    )
    return rect + _text(_PAD, y - 2, label, "d-group-label", "start")


def _box(node: DiagramNode, place: tuple[float, float]) -> Markup:
    x, y = place
    middle = x + _BOX_W / 2
    rect = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4" class="d-box"/>').format(
        _number(x), _number(y), _BOX_W, _BOX_H
    )
    label = _fitted(node.label)
    if not node.note:
        return rect + _text(middle, y + 32, label, "d-label")
    return (
        rect
        + _text(middle, y + 23, label, "d-label")
        + _text(middle, y + 41, _fitted(node.note), "d-note")
    )


def _fitted(text: str) -> str:
    room = int((_BOX_W - 12) / _CHARACTER)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _edge(diagram: Diagram, edge: DiagramEdge, places: Mapping[str, tuple[float, float]]) -> Markup:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    if x1 == x2:
        return _upright(diagram, edge, x1 + _BOX_W / 2, (y1, y2))
    forward = x2 > x1
    start = x1 + (_BOX_W if forward else 0)
    end = x2 - 2 if forward else x2 + _BOX_W + 2
    level = y1 == y2
    # An arrow that turns leaves below the middle, where no straight one does.
    from_y, to_y = y1 + _BOX_H / 2 + (0 if level else _TURN), y2 + _BOX_H / 2
    middle = (start + end) / 2
    drawn = _line(
        diagram,
        f"M{_number(start)} {_number(from_y)}H{_number(middle)}V{_number(to_y)}H{_number(end)}",
        reply=edge.reply,
    )
    if not edge.label:
        return drawn
    if level:
        return drawn + _text(middle, from_y - 7, edge.label, "d-note")
    return drawn + _text(middle + 6, (y1 + _BOX_H + y2) / 2 + 4, edge.label, "d-note", "start")


def _upright(diagram: Diagram, edge: DiagramEdge, x: float, rows: tuple[float, float]) -> Markup:
    """An arrow between boxes of one column; of a pair the one that goes up stands to the right."""
    y1, y2 = rows
    back = any(
        (other.source, other.target) == (edge.target, edge.source) for other in diagram.edges
    )
    down = y2 > y1
    x += 0 if not back else -_TURN if down else _TURN
    start, end = (y1 + _BOX_H, y2 - 2) if down else (y1, y2 + _BOX_H + 2)
    drawn = _line(diagram, f"M{_number(x)} {_number(start)}V{_number(end)}", reply=edge.reply)
    if not edge.label:
        return drawn
    side, anchor = (-6, "end") if back and down else (6, "start")
    return drawn + _text(x + side, (start + end) / 2 + 4, edge.label, "d-note", anchor)


def _sequence(diagram: Diagram) -> Markup:
    names = sorted(diagram.nodes, key=lambda node: node.column)
    width = 2 * _PAD + len(names) * _LANE
    centre = {node.id: _PAD + _LANE * (index + 0.5) for index, node in enumerate(names)}
    height = _PAD + 62 + len(diagram.edges) * _STEP
    parts: list[Markup] = []
    for node in names:
        x = centre[node.id]
        parts += [
            Markup('<path d="M{0} 44V{1}" class="d-life"/>').format(_number(x), height - _PAD),
            Markup('<rect x="{}" y="10" width="140" height="34" rx="4" class="d-box"/>').format(
                _number(x - 70)
            ),
            _text(x, 32, node.label, "d-label"),
        ]
    for index, edge in enumerate(diagram.edges):
        y = 80 + index * _STEP
        start, end = centre[edge.source], centre[edge.target]
        direction = 1 if end > start else -1
        parts += [
            _line(
                diagram, f"M{_number(start)} {y}H{_number(end - 3 * direction)}", reply=edge.reply
            ),
            _text((start + end) / 2, y - 7, edge.label, "d-note"),
        ]
    return _canvas(diagram, (width, height), parts)
