"""The Hugging Face hub: which names are ids of its repositories, and whether it can be asked."""

import time
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import constants, get_session, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

HOLDS = 300.0
"""Seconds for which an answer of the hub is relied on; silence is never: the next one asks again."""
PATIENCE = 5.0
"""Seconds that it has to answer."""


def is_hub_id(name: str | Path) -> bool:
    """Whether a name looks like a repository's (OWNER/NAME), not like a path or a short name."""
    return str(name).count("/") == 1 and not str(name).startswith((".", "/", "~"))


def download(name: str, file: str, revision: str | None) -> str:
    """Fetches one small file of a hub repository, and explains what went wrong if that fails.

    Raises:
        FileNotFoundError: If there is no such repository, revision or file, or it can't be reached.
    """
    where = f"{name} at revision {revision}" if revision else name
    try:
        return hf_hub_download(name, file, revision=revision, local_files_only=not HUB.answers())
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(
            f"the hub has no model {name}, or it is gated: check the id, or `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{name} has no revision {revision!r}: give a branch, a tag or a commit hash of the model's page"
        ) from error
    except LocalEntryNotFoundError as error:
        raise FileNotFoundError(
            f"{where} isn't in the local cache and the hub can't be reached; check the network, or give a "
            "local folder"
        ) from error
    except EntryNotFoundError as error:
        raise FileNotFoundError(f"{where} has no {file}") from error
    except HfHubHTTPError as error:
        raise FileNotFoundError(f"{where} can't be read: {error}") from error


class Hub:
    """Remembers for a while that the hub answers, since its own downloads try six times for half a minute.

    Args:
        ask: Sends a request; raises what the hub's HTTP library does if there is no answer.
        clock: Tells seconds.
    """

    def __init__(self, ask: Callable[[], object], clock: Callable[[], float] = time.monotonic):
        self._ask, self._clock = ask, clock
        self._answered: float | None = None

    def answers(self) -> bool:
        """Whether the hub can be reached; if not, the local cache may hold what is looked for."""
        now = self._clock()
        if self._answered is not None and now - self._answered < HOLDS:
            return True
        try:
            self._ask()
        # OSError, and what the hub's HTTP library raises, whichever that is.
        except HfHubHTTPError.__bases__:  # pyright: ignore[reportGeneralTypeIssues]
            self._answered = None
            return False
        self._answered = now
        return True


HUB = Hub(lambda: get_session().head(constants.ENDPOINT, timeout=PATIENCE))
