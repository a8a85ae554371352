"""What stands before all routes, Gradio's too: only the page itself may write, and only within bounds."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names of this machine. A page elsewhere can lead its own name here (DNS rebinding), but not these."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
UPLOADS = ("/upload", "/rescene/sources")
"""How the paths end where files are sent to."""


class Guard:
    """An ASGI application around another one.

    Args:
        app: The application.
        is_local: Whether only this machine is let in; then requests must name it.
        folder: Where all uploads are.
        most_bytes: How much they may be together.
    """

    def __init__(self, app: Any, *, is_local: bool, folder: Path, most_bytes: int) -> None:
        self._app, self._is_local, self._folder, self._most = app, is_local, folder, most_bytes

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Passes a request on, or says why not."""
        answer = None
        if scope["type"] in ("http", "websocket"):
            answer = self._refusal(scope, Headers(scope=scope))
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send)

    def _refusal(self, scope: Any, headers: Headers) -> JSONResponse | None:
        if self._is_local and host_name(headers.get("host", "")) not in LOCAL:
            return _answer("this page is for this machine alone, as localhost or 127.0.0.1", 403)
        if scope.get("method", "POST") in READING:
            return None
        own = is_own(headers.get("origin"), (headers.get("host"), headers.get("x-forwarded-host")))
        if not own or headers.get("sec-fetch-site") == "cross-site":
            return _answer("only the page itself may ask for this", 403)
        if scope["path"].endswith(UPLOADS):
            return self._too_much(headers.get("content-length", ""))
        return None

    def _too_much(self, length: str) -> JSONResponse | None:
        if not length.isdecimal() or len(length) > 15:
            return _answer("an upload must say how large it is (Content-Length)", 411)
        if int(length) + used(self._folder) > self._most:
            room = f"{self._most >> 20} MB of uploads are the most at a time"
            return _answer(f"there is no room for more: {room}; try again later", 413)
        return None


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdecimal() else host.lower()


def is_own(origin: str | None, hosts: Iterable[str | None]) -> bool:
    """Whether a request's Origin is the page's own; programs, which aren't led by other sites, send none."""
    return not origin or origin.split("//")[-1] in {host for host in hosts if host}


def used(folder: Path) -> int:
    """Bytes of all files in a folder, now."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:  # It has just gone.
            continue
    return total


def _answer(text: str, status: int) -> JSONResponse:
    return JSONResponse({"error": text, "detail": text}, status_code=status)
