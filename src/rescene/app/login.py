"""Who may come in where a password is asked: one login for Gradio's part of the page and for ours."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from secrets import compare_digest, token_hex, token_urlsafe
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .widgets import asset

LARGEST = 4096
"""Bytes of a form with a name and a password."""
PAUSE = 1.0
"""Seconds that a wrong password costs."""


@dataclass(frozen=True, eq=False)
class Login:
    """A user, a password, and the browsers that gave both."""

    user: str
    password: str = field(repr=False)
    _sessions: set[str] = field(default_factory=set, repr=False)

    @cached_property
    def cookie(self) -> str:
        """The cookie's name, of this page alone: browsers don't tell the ports of a machine apart."""
        return f"rescene-{token_hex(4)}"

    def who(self, request: Request) -> str | None:
        """The user, if it is they who ask; for Gradio's `auth_dependency` and for our own routes."""
        return self.user if request.cookies.get(self.cookie) in self._sessions else None

    def routes(self) -> Sequence[Route]:
        """Where the form is sent; `gradio_client` sends its `auth` there as well."""
        return [Route("/login", self.enter, methods=["POST"]), Route("/login", self.form)]

    async def form(self, _: Request) -> Response:
        """The page that asks."""
        return HTMLResponse(asset("login.html"))

    async def enter(self, request: Request) -> Response:
        """Lets in whoever has the password."""
        if not from_own_page(request):
            return JSONResponse({"error": "log in on the page itself"}, status_code=403)
        given = await self._given(request)
        if given is None or not self._right(*given):
            await asyncio.sleep(PAUSE)
            return JSONResponse({"error": "this name and password don't fit"}, status_code=401)
        session = token_urlsafe(32)
        self._sessions.add(session)
        answer = JSONResponse({"success": True})
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        answer.set_cookie(self.cookie, session, httponly=True, samesite="lax", secure=secure)
        return answer

    async def refuse(self, request: Request, error: Any) -> Response:
        """What those see who aren't in: people the form, programs the reason."""
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(asset("login.html"), status_code=401)
        return JSONResponse({"detail": error.detail}, status_code=401)

    async def _given(self, request: Request) -> tuple[str, str] | None:
        body = bytearray()
        async for block in request.stream():
            body += block
            if len(body) > LARGEST:
                return None
        sent = parse_qs(bytes(body).decode(errors="replace"))
        user, password = (sent.get(name, [""])[0] for name in ("username", "password"))
        return user, password

    def _right(self, user: str, password: str) -> bool:
        """Compares both, whether or not the first fits, so that the time tells nothing."""
        fits = compare_digest(user.encode(), self.user.encode())
        return compare_digest(password.encode(), self.password.encode()) and fits


def from_own_page(request: Request) -> bool:
    """Whether no other site's page made the browser ask."""
    origin = request.headers.get("origin")
    own = {request.headers.get(name) for name in ("host", "x-forwarded-host")}
    return not origin or origin.split("//")[-1] in own
