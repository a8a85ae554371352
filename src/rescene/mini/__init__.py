"""The embedded model: a small text-to-image pipeline in diffusers' layout, trained on `rescene.world`."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""What to load: a folder as Stable Diffusion's."""


def remark(prompt: str) -> str | None:
    """What to tell about a prompt with words that the model never saw; None if it knows them all."""
    # The world draws with OpenCV, which other models have no use for.
    from ..world import unknown_words, vocabulary

    unknown = unknown_words(prompt)
    if not unknown:
        return None
    return f"mini never saw the words {', '.join(unknown)}; it knows\n{vocabulary()}"
