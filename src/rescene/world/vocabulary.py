"""The words that the world's captions are made of, and which words of a prompt are not among them."""

import re

from rescene.world.backgrounds import BACKGROUNDS
from rescene.world.colours import COLOURS
from rescene.world.sprites import OBJECTS
from rescene.world.styles import STYLES

FUNCTION_WORDS = ("a", "an", "the", "in", "on", "of", "photo")
WORDS = frozenset(" ".join((*OBJECTS, *COLOURS, *BACKGROUNDS, *STYLES, *FUNCTION_WORDS)).split())


def unknown_words(prompt: str) -> tuple[str, ...]:
    """The words of a prompt that no caption contains, in order, each once; `mini` never saw them."""
    words = re.findall(r"\w+", prompt.lower())
    return tuple(dict.fromkeys(word for word in words if word not in WORDS))


def vocabulary() -> str:
    """What can be asked for, as text for people."""
    kinds = {"objects": OBJECTS, "colours": COLOURS, "backgrounds": BACKGROUNDS, "styles": STYLES}
    return "\n".join(f"{kind}: {', '.join(words)}" for kind, words in kinds.items())
