"""Loads the networks that look at frames."""

from typing import Any

from transformers.utils.logging import disable_progress_bar


def pretrained(kind: Any, name: str, *, what: str, **options: Any) -> Any:
    """What `kind.from_pretrained` gives.

    Args:
        kind: A class of transformers.
        name: A hub id or a folder.
        what: What the network is for, as error messages call it.
        options: Further ones of `from_pretrained`.

    Raises:
        FileNotFoundError: If it isn't there, or has no safe weights.
    """
    disable_progress_bar()
    try:
        return kind.from_pretrained(name, **options)
    except OSError as error:
        raise FileNotFoundError(
            f"the {what} model {name} can't be read ({str(error).splitlines()[0]}); check the id and the "
            "network, or give a local folder. rescene reads safetensors only"
        ) from error
