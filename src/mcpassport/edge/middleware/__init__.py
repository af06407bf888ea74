"""What every request passes before its endpoint: one class per file, and the list of them."""

from typing import Final

from starlette.types import ASGIApp

from mcpassport.edge.middleware.drain import Drain
from mcpassport.edge.middleware.front import Front
from mcpassport.edge.middleware.hosts import Hosts
from mcpassport.edge.middleware.origins import Origins
from mcpassport.edge.middleware.safety import SafetyHeaders

MIDDLEWARE: Final = (SafetyHeaders, Drain, Hosts, Origins)
"""Outermost first: whatever answers, its answer is safe to keep nowhere."""


def guarded(app: ASGIApp, front: Front) -> ASGIApp:
    """The app behind all of them."""
    for kind in reversed(MIDDLEWARE):
        app = kind(app, front)
    return app
