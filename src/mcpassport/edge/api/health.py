"""`/healthz`, `/readyz`: for whoever runs the processes, public. `/metrics`: for whoever may read.

Metrics name integrations and say how much is going on, so they need an API token without a tenant,
of role admin or auditor.
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from mcpassport.edge.api.outgoing import Health, JobState, ReadyState
from mcpassport.edge.api.principal import PlatformReader
from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.jobs import last_successes
from mcpassport.observe.metrics import CONTENT_TYPE

router = APIRouter(tags=["operation"], route_class=StrictRoute)
UNREADY = 503


@router.get("/healthz")
async def healthz() -> Health:
    """Whether this process answers; nothing else is looked at."""
    return Health()


@router.get("/readyz", responses={UNREADY: {"model": ReadyState}})
async def readyz(request: Request, response: Response) -> ReadyState:
    """Whether this process can serve: 503 names the parts that fail."""
    services: Services = request.app.state.services
    found = await services.readiness.now()
    if not found.ready:
        response.status_code = UNREADY
    return ReadyState(
        ready=found.ready,
        failing=list(found.failing),
        jobs={
            name: JobState(last_success=turn.last_success, late=turn.late)
            for name, turn in found.jobs.items()
        },
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(acting: PlatformReader) -> Response:
    """Read the metrics of the process that answers, in Prometheus' text format."""
    services = acting.services
    successes = await last_successes(services.store, services.jobs)
    shown = services.watch.metrics
    shown.jobs({name: float(at) for name, at in successes.items() if at is not None})
    return Response(shown.text(), media_type=CONTENT_TYPE)
