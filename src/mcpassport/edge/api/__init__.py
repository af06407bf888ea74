"""The management API: one file per resource, the table of them, and the app they make."""

from fastapi.routing import APIRoute

from mcpassport import __version__
from mcpassport.edge.api import (
    accounts,
    audit,
    connection_test,
    description,
    events,
    health,
    integrations,
    keys,
    leaked,
    links,
    oauth_apps,
    problems,
    protected_resource,
    servers,
    surface,
    switches,
    tenants,
    tokens,
    tryout,
    version,
    webhooks,
)
from mcpassport.edge.api.description import DescribedApp
from mcpassport.edge.api.principal import Authenticate
from mcpassport.edge.api.services import Services

ROUTERS = {
    "tenant": tenants.router,
    "key": keys.router,
    "data-key": keys.rotation,
    "integration": integrations.router,
    "mcp-server": servers.router,
    "surface": surface.router,
    "switch": switches.router,
    "try": tryout.router,
    "integrated-account": accounts.router,
    "link-token": links.router,
    "reconnect": links.again,
    "test": connection_test.router,
    "oauth-app": oauth_apps.router,
    "api-token": tokens.router,
    "leaked": leaked.router,
    "protected-resource": protected_resource.router,
    "audit": audit.router,
    "event": events.router,
    "webhook": webhooks.router,
    "version": version.router,
    "healthz": health.router,
    "openapi.json": description.router,
}
"""Resource -> its routes."""


def management_app(services: Services, authenticate: Authenticate) -> DescribedApp:
    """The management API as an ASGI app; `authenticate` decides who is asking."""
    app = DescribedApp(
        title="mcpassport management API",
        version=__version__,
        description="Tenants, integrations, integrated accounts, MCP servers, API tokens, audit.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        # A redirect would repeat the Host header of whoever asks.
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.authenticate = authenticate
    for router in ROUTERS.values():
        app.include_router(router)
    routes = [route for router in ROUTERS.values() for route in router.routes]
    problems.install(app, [route for route in routes if isinstance(route, APIRoute)])
    return app
