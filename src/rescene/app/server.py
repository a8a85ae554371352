"""Starts the page: on this machine alone, unless told otherwise."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .login import Login

NOBODY = "none"
UPLOADS_AT_ONCE = 10
"""How many of the largest files there is room for, all people and what is made of uploads together."""


@dataclass(frozen=True, kw_only=True)
class AppOptions:
    """Open a page on which videos are edited, for people who don't use a command line."""

    port: int = 7860
    """The port; 0 takes a free one."""
    listen: bool = False
    """Let other machines of the network in; needs --auth."""
    share: bool = False
    """Make a public address, through Gradio's servers, that ends with the page; needs --auth."""
    auth: str | None = None
    """USER:PASSWORD to log in with, or `none` to let everybody in who can reach the page."""
    output: Path = Path("rescene-results")
    """Where results go, each with its settings beside it."""
    model: tuple[str, ...] = ()
    """Models to offer beside those of `rescene models`: hub ids, folders or files."""
    max_megabytes: int = 200
    """How large an uploaded file may be."""
    max_frames: int = 900
    """How long an uploaded video may be."""

    def __post_init__(self) -> None:
        if self.auth not in (None, NOBODY) and not all((self.auth or "").partition(":")[::2]):
            raise ValueError(f"--auth must be USER:PASSWORD or {NOBODY}")
        if (self.listen or self.share) and self.auth is None:
            raise ValueError(
                "--listen and --share let others use this machine; say who with --auth USER:PASSWORD, or "
                f"--auth {NOBODY} for everybody"
            )
        if not 0 <= self.port < 65536:
            raise ValueError(f"--port is {self.port}; it must be from 0 to 65535")

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password; None if everybody may come in."""
        if self.auth in (None, NOBODY):
            return None
        user, _, password = str(self.auth).partition(":")
        return user, password


@contextmanager
def serving(options: AppOptions) -> Iterator[str]:
    """A block in which the page is up; gives its address. Uploads are deleted at the end.

    Raises:
        ValueError: If Gradio isn't installed.
    """
    with TemporaryDirectory(prefix="rescene-", ignore_cleanup_errors=True) as private:
        # Gradio reads these when it is imported: its own copies of files belong in the private folder.
        os.environ["GRADIO_TEMP_DIR"] = str(Path(private) / "gradio")
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        try:
            from .page import looks, page
        except ImportError as error:
            raise ValueError("the app needs Gradio: pip install 'rescene[app]'") from error
        from .login import Login
        from .routes import routes
        from .sources import Limits
        from .workshop import Workshop

        limits = Limits(megabytes=options.max_megabytes, frames=options.max_frames)
        output = options.output.expanduser()
        login = Login(*options.credentials) if options.credentials else None
        with closing(Workshop(output, Path(private), models=options.model, limits=limits)) as workshop:
            blocks = page(workshop)
            _, local, public = blocks.launch(
                server_name="0.0.0.0" if options.listen else "127.0.0.1",
                server_port=options.port or _free_port(),
                share=options.share,
                auth_dependency=login and login.who,
                max_file_size=f"{options.max_megabytes}mb",
                app_kwargs=_around(options, private, login, routes(workshop, login)),
                prevent_thread_lock=True,
                quiet=True,
                ssr_mode=False,
                show_error=False,
                run_history=False,
                footer_links=["api"],
                **looks(),
            )
            try:
                yield public or local
            finally:
                blocks.close()


def _around(options: AppOptions, folder: str, login: "Login | None", routes: list[Any]) -> dict[str, Any]:
    """What FastAPI is told: our routes, what stands before all, and what those see who aren't logged in."""
    from starlette.middleware import Middleware

    from .guard import Guard

    most, is_local = UPLOADS_AT_ONCE * options.max_megabytes << 20, not (options.listen or options.share)
    guard = Middleware(Guard, is_local=is_local, folder=Path(folder), most_bytes=most)
    if login is None:
        return {"routes": routes, "middleware": [guard]}
    # Before Gradio's of that name.
    out = [login.way_out(), *routes]
    return {"routes": out, "middleware": [guard], "exception_handlers": {401: login.refuse}}


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
