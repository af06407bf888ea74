"""The management API: one file per resource, the table of them, and the app they make."""

from fastapi import FastAPI

from mcpassport import __version__
from mcpassport.edge.api import (
    accounts,
    audit,
    integrations,
    problems,
    servers,
    tenants,
    tokens,
    tryout,
    version,
)
from mcpassport.edge.api.principal import Authenticate
from mcpassport.edge.api.services import Services

ROUTERS = {
    "tenant": tenants.router,
    "integration": integrations.router,
    "mcp-server": servers.router,
    "try": tryout.router,
    "integrated-account": accounts.router,
    "api-token": tokens.router,
    "audit": audit.router,
    "version": version.router,
}
"""Resource -> its routes."""


def management_app(services: Services, authenticate: Authenticate) -> FastAPI:
    """The management API as an ASGI app; `authenticate` decides who is asking."""
    app = FastAPI(
        title="mcpassport management API",
        version=__version__,
        description="Tenants, integrations, integrated accounts, MCP servers, API tokens, audit.",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.services = services
    app.state.authenticate = authenticate
    for router in ROUTERS.values():
        app.include_router(router)
    problems.install(app)
    return app
