"""A plugin of Datasette that asks an API: Datasette's own plugin manager loads authweave by its entry point."""

import httpx
from datasette import Response, hookimpl
from datasette.plugins import pm
from send_task import send_task_async

from authweave.errors import AuthweaveError
from authweave.hookspecs import HOST_ENTRY_POINTS, add_host_specs

add_host_specs(pm)
pm.load_setuptools_entrypoints(HOST_ENTRY_POINTS)


@hookimpl
def register_routes():
    """One page for each thing that the API knows."""
    return [(r"^/-/crm/(?P<thing>\w+)$", page)]


async def page(request, datasette):
    """What the API says of it, or what is wrong with the credential."""
    asked = httpx.Request("GET", f"/api/{request.url_vars['thing']}")
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            answer = await send_task_async(pm.hook, client.send, asked, profile="acme")
        except AuthweaveError as error:
            return Response.json({"error": str(error)}, status=502)
    return Response.json(answer.json(), status=answer.status_code)
