"""Who may come in where a password is asked: one login for Gradio's part of the page and for ours."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from secrets import compare_digest, token_hex, token_urlsafe
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .guard import is_own
from .widgets import asset

LARGEST = 4096
"""Bytes of a form with a name and a password."""
PAUSE = 1.0
"""Seconds that a wrong password costs."""
FREE_TRIES, LONGEST_WAIT = 5, 300.0
"""Wrong passwords in a row before an address has to wait, and the seconds that it waits at most."""
MOST_ADDRESSES = MOST_SESSIONS = 1000
LASTS = 7 * 86400.0
"""Seconds that a login lasts."""


@dataclass(frozen=True, eq=False)
class Login:
    """A user, a password, and the browsers that gave both."""

    user: str
    password: str = field(repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _sessions: dict[str, float] = field(default_factory=dict, repr=False)
    """When each began."""
    _wrong: dict[str, tuple[int, float]] = field(default_factory=dict, repr=False)
    """How often in a row each address was wrong, and until when it isn't listened to."""

    @cached_property
    def cookie(self) -> str:
        """The cookie's name, of this page alone: browsers don't tell the ports of a machine apart."""
        return f"rescene-{token_hex(4)}"

    def who(self, request: Request) -> str | None:
        """The user, if it is they who ask; for Gradio's `auth_dependency` and for our own routes."""
        began = self._sessions.get(request.cookies.get(self.cookie, ""))
        return None if began is None or self.clock() - began > LASTS else self.user

    def routes(self) -> Sequence[Route]:
        """Where the form is sent; `gradio_client` sends its `auth` there as well."""
        return [Route("/login", self.enter, methods=["POST"]), Route("/login", self.form)]

    def way_out(self) -> Route:
        """Where the login ends; it opens nothing."""
        return Route("/logout", self.leave, methods=["GET", "POST"])

    async def form(self, _: Request) -> Response:
        """The page that asks."""
        return HTMLResponse(asset("login.html"))

    async def enter(self, request: Request) -> Response:
        """Lets in whoever has the password."""
        if not from_own_page(request):
            return JSONResponse({"error": "log in on the page itself"}, status_code=403)
        address = request.client.host if request.client else ""
        count, until = self._wrong.get(address, (0, 0.0))
        if (wait := until - self.clock()) > 0:
            return JSONResponse({"error": f"too many tries; wait {ceil(wait)} seconds"}, status_code=429)
        given = await self._given(request)
        if given is None or not self._right(*given):
            self._note_wrong(address, count + 1)
            await asyncio.sleep(PAUSE)
            return JSONResponse({"error": "this name and password don't fit"}, status_code=401)
        self._wrong.pop(address, None)
        session = token_urlsafe(32)
        self._sessions[session] = self.clock()
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        answer = JSONResponse({"success": True})
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        answer.set_cookie(self.cookie, session, httponly=True, samesite="lax", secure=secure)
        return answer

    async def leave(self, request: Request) -> Response:
        """Ends the login of whoever asks."""
        self._sessions.pop(request.cookies.get(self.cookie, ""), None)
        answer = RedirectResponse("login", status_code=303)
        answer.delete_cookie(self.cookie)
        return answer

    def _note_wrong(self, address: str, count: int) -> None:
        """Makes an address wait, twice as long for each try after the first few."""
        pause = min(2.0 ** (count - FREE_TRIES), LONGEST_WAIT) if count >= FREE_TRIES else 0.0
        while len(self._wrong) >= MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = count, self.clock() + pause

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
    own = (request.headers.get("host"), request.headers.get("x-forwarded-host"))
    return is_own(request.headers.get("origin"), own)
