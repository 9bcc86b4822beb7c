"""The short way for the calls that come all day: from the edge to their endpoint.

The framework leads a request through seven layers and looks its route up before an endpoint sees
it, which takes as long as reading the call does. It keeps these routes as well: for the document
that describes them, and for what is not a POST.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sojourn.gateway.http.faults import failed, refusal

Endpoint = Callable[[Request], Awaitable[Response]]


class Direct:
    """Serves some routes itself and leaves everything else to the application.

    Args:
        api: the application; endpoints find its state in their requests.
        routers: their routes take POST, and their endpoints the request alone.
    """

    def __init__(self, api: FastAPI, routers: Iterable[APIRouter]) -> None:
        self._api = api
        self._routes = {
            route.path: route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        route = self._routes.get(scope["path"]) if is_post else None
        if route is None:
            await self._api(scope, receive, send)
            return
        scope["app"], scope["route"] = self._api, route
        request = Request(scope, receive, send)
        response = await self._answer(route.endpoint, request, send)
        await response(scope, receive, send)

    async def _answer(self, endpoint: Endpoint, request: Request, send: Send) -> Response:
        """Return what an endpoint answers, or the refusal that its error means.

        Raises:
            Exception: a bug of ours; the sender has been told that it is one.
        """
        try:
            return await endpoint(request)
        except ClientDisconnect:
            raise  # nobody is there to read an answer
        except Exception as error:
            known = refusal(error)
            if known is not None:
                return known.answer()
            await (await failed(request, error))(request.scope, request.receive, send)
            raise
