"""What the page asks for beside Gradio's own routes: uploads, how jobs go, and the videos to play.

Ids are random, so that only whoever was given one can see what it names; with a login, also only those who
are in. No path of the machine goes out or comes in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .errors import told
from .jobs import Job
from .login import Login, from_own_page
from .workshop import Workshop

PREFIX = "/rescene"
PRIVATE = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}

log = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]


def routes(workshop: Workshop, login: Login | None = None) -> list[Route]:
    """The routes, to be put before Gradio's; with a login, that of its form is the only one open to all."""
    uploading = asyncio.Semaphore(2)

    async def upload(request: Request) -> Response:
        name = unquote(request.headers.get("x-name", "video"))
        async with uploading:
            path = await workshop.sources.receive(request.stream(), name)
            source = await asyncio.to_thread(workshop.sources.add, path, name)
        return JSONResponse(source.facts())

    async def source_file(request: Request) -> Response:
        source, kind = workshop.sources.get(request.path_params["id"]), request.path_params["file"]
        if kind == "strip":
            return _file(await asyncio.to_thread(workshop.sources.strip, source))
        return _file({"video": source.playable}[kind])

    async def job_state(request: Request) -> Response:
        job = _job(workshop, request)
        return JSONResponse(snapshot(workshop, job), headers={"Cache-Control": "no-store"})

    async def cancel(request: Request) -> Response:
        job = _job(workshop, request)
        workshop.jobs.cancel(job)
        return JSONResponse(snapshot(workshop, job))

    async def job_file(request: Request) -> Response:
        path = _result(_job(workshop, request), request.path_params["file"])
        name = path.name if "download" in request.query_params else None
        return _file(path, name)

    guarded = partial(_guarded, login)
    return [
        Route(f"{PREFIX}/sources", guarded(upload), methods=["POST"]),
        Route(f"{PREFIX}/sources/{{id}}/{{file}}", guarded(source_file)),
        Route(f"{PREFIX}/jobs/{{id}}", guarded(job_state)),
        Route(f"{PREFIX}/jobs/{{id}}/cancel", guarded(cancel), methods=["POST"]),
        Route(f"{PREFIX}/jobs/{{id}}/{{file}}", guarded(job_file)),
        *(login.routes() if login else ()),
    ]


def _result(job: Job, kind: str) -> Path:
    path = job.files.get(kind)
    if path is None or not path.is_file():
        raise FileNotFoundError("this result isn't there any more")
    return path


def snapshot(workshop: Workshop, job: Job) -> dict[str, Any]:
    """How far a job is, as the page shows it."""
    outcome = job.outcome
    return {
        "id": job.id,
        "title": job.title,
        "state": job.state,
        "stopping": job.stopping,
        "ahead": workshop.jobs.place(job),
        "stage": job.stage,
        "step": job.step,
        "total": job.total,
        "seconds": round(job.seconds(), 1),
        "seconds_left": job.seconds_left(),
        "error": job.error,
        "preview": job.preview,
        "settings": job.settings,
        "facts": outcome.facts if outcome else "",
        "name": next((path.name for path in outcome.files.values()), "") if outcome else "",
        "files": list(job.files),
        "again": job.again is not None,
    }


def _guarded(login: Login | None, handler: Handler) -> Handler:
    """Lets those in who may come in, and makes a polite answer of what goes wrong."""

    async def guarded(request: Request) -> Response:
        if login and login.who(request) is None:
            return JSONResponse({"error": "log in first"}, status_code=401)
        if request.method == "POST" and not from_own_page(request):
            return JSONResponse({"error": "only the page itself may ask for this"}, status_code=403)
        try:
            return await handler(request)
        except (KeyError, FileNotFoundError) as error:
            return JSONResponse({"error": str(error.args[0] if error.args else error)}, status_code=404)
        except Exception as error:  # Nothing that is sent here may end the app.
            return JSONResponse({"error": told(error)}, status_code=400)

    return guarded


def _job(workshop: Workshop, request: Request) -> Job:
    job = workshop.jobs.get(request.path_params["id"])
    if job is None:
        raise KeyError("this job isn't known here any more; its result is in the output folder")
    return job


def _file(path: Path, download: str | None = None) -> Response:
    disposition = "attachment" if download else "inline"
    return FileResponse(path, headers=PRIVATE, filename=download, content_disposition_type=disposition)
