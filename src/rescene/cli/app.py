"""`rescene app`: a page in the browser."""

import signal
import threading
from collections.abc import Sequence

from ..app import AppOptions, serving
from .forms import parse


def main(arguments: Sequence[str]) -> None:
    """Runs the command until it is interrupted.

    Raises:
        ValueError: for what is wrong with the options, or if Gradio isn't installed.
    """
    options = parse(AppOptions, arguments, command="app")
    from .host import hide_library_bars

    hide_library_bars()
    # Whoever stops a service sends this; uploads are to be deleted then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with serving(options) as address:
        print(f"rescene is at {address}\nresults go to {options.output}\nCtrl-C ends it", flush=True)
        threading.Event().wait()
