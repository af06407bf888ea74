"""Procurement checklist: every row that a reviewer asks, answered."""

from mcpassport.evidence.claims import ASKED, CLAIMS, ROWS, THEMES, Asked, Controls, Row
from mcpassport.evidence.claims.record import NOT_AVAILABLE, NOT_VERIFIED, Grade
from mcpassport.reference.document import Column, Node, Table
from mcpassport.reference.headings import section_link
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading

_STRENGTH: tuple[Grade, ...] = (NOT_VERIFIED, "expired", "stated", "sandbox", "live")
"""From a promise without proof to one that was tried at the published address."""
_LABELS = {"ccm": "CCM", "aicm": "AICM", "owasp": "OWASP", "nist": "800-53"}


def build(context: Context) -> tuple[Node, ...]:
    """The numbered rows, the terms asked by name, and the themes of NSA's guidance."""
    return (
        prose(
            "The answer says what the product does with the settings of this deployment; the grade "
            "says how that is known ([the grades](#how-a-sentence-is-known)): the weakest grade "
            "among the claims that the row rests on. Control ids: CCM is "
            "CAIQ/CCM v4.0, AICM is v1.0, OWASP is MCP Top 10 2025 (beta) and AISVS 1.0 chapter "
            "C10, 800-53 is NIST SP 800-53 revision 5. They are references, not a certificate."
        ),
        _rows(context),
        subheading("Also asked by name"),
        _asked(context, "Terms that reviewers search for", ASKED),
        subheading("Themes of NSA, MCP: Security Design Considerations (U/OO/6030316-26)"),
        _asked(context, "Themes of the guidance", THEMES),
    )


def _rows(context: Context) -> Table:
    heads = ("#", "Heading and search terms", "Answer", "In short", "Control ids", "Grade")
    return Table(
        title="Procurement checklist",
        columns=tuple(Column(title=head) for head in heads),
        rows=tuple(_cells(context, row) for row in ROWS.values()),
        anchors=tuple(f"row-{number}" for number in ROWS),
    )


def _cells(context: Context, row: Row) -> tuple[str, ...]:
    answer, grade = _answer(context, row)
    return (
        str(row.number),
        " · ".join(row.terms),
        answer,
        f"{_note(context, row)} {section_link(row.section)}{_claims(row.number)}",
        _ids(row.controls),
        grade,
    )


def _note(context: Context, row: Row) -> str:
    """The answer in short; what only the vendor can say begins with whether it was said."""
    note = context.fill(row.note)
    if not row.stated:
        return note
    said = getattr(context.inputs.vendor.statements, row.stated)
    stated = (
        "Stated, [in the vendor's words](#statements-of-the-vendor)." if said else "Not stated."
    )
    return f"{stated} {note}"


def _claims(number: int) -> str:
    """Links to the claims that answer the row."""
    ids = [claim.id for claim in CLAIMS.values() if claim.row == number]
    return f": {', '.join(f'[{each}](#{each})' for each in ids)}" if ids else ""


def _answer(context: Context, row: Row) -> tuple[str, str]:
    if row.stated:
        said = getattr(context.inputs.vendor.statements, row.stated)
        return ("yes", "stated") if said else ("not verified", "not verified")
    return row.answer, _weakest(context, row)


def _weakest(context: Context, row: Row) -> str:
    """The grade that every claim of the row has at least, and how many of them have more."""
    grades = [
        context.claim(claim).grade
        for claim in CLAIMS.values()
        if claim.row == row.number and claim.available
    ]
    if row.answer == NOT_AVAILABLE or not grades:
        return _grade(row.answer)
    weakest = min(grades, key=_STRENGTH.index)
    better = [(grade, grades.count(grade)) for grade in _STRENGTH if grade in grades]
    if len(better) == 1:
        return weakest
    more = ", ".join(f"{count} {grade}" for grade, count in reversed(better) if grade != weakest)
    return f"{weakest} (of {len(grades)} claims {more})"


def _grade(answer: str) -> str:
    return NOT_AVAILABLE if answer == NOT_AVAILABLE else NOT_VERIFIED


def _ids(controls: Controls) -> str:
    parts = (
        f"{label} {', '.join(ids)}"
        for name, label in _LABELS.items()
        if (ids := getattr(controls, name))
    )
    return "; ".join(parts) or "none"


def _asked(context: Context, title: str, terms: tuple[Asked, ...]) -> Table:
    heads = ("Term", "Answer", "In short", "Grade")
    return Table(
        title=title,
        columns=tuple(Column(title=head) for head in heads),
        rows=tuple(
            (
                each.term,
                each.answer,
                f"{context.fill(each.note)} {section_link(each.section)}",
                _grade(each.answer),
            )
            for each in terms
        ),
    )
