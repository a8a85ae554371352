"""The requirements of methods: on their inputs, and on the model; and what to say where they aren't met."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..fields import Attends, Kind, Verb
from ..inputs.inputs import Inputs

if TYPE_CHECKING:
    from ..backbones import Backbone


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The requirements of a method: on what it is given, and on the model."""

    inputs: frozenset[str] = frozenset({"video"})
    """Of `video` and `key_frames`; none if it generates. They decide which command runs it."""
    conditions: frozenset[Kind] = frozenset({"text"})
    """The conditions that the model must read."""
    may: frozenset[Kind] = frozenset()
    """Conditions that it can give besides, to models that must have them."""
    attends: frozenset[Attends] = frozenset()
    """The kinds of attention layers that it changes."""
    one_latent_per_frame: bool = False
    """Whether it works on single frames: time mustn't be compressed in the latents."""

    @property
    def verb(self) -> Verb:
        """The command that runs what needs such inputs."""
        if "key_frames" in self.inputs:
            return "propagate"
        return "edit" if self.inputs else "generate"


READS: Mapping[Kind, str] = {
    "text": "reads prompts",
    "picture": "is led by a picture",
    "beside": "reads an image beside its latents",
    "depth": "reads depth maps beside its latents",
    "control": "reads a clip with a mask",
}
LAYERS: Mapping[Attends, str] = {
    "frame": "within frames",
    "time": "over time",
    "clip": "over whole clips",
    "words": "to words",
    "picture": "to a picture",
}
MISSING = {"video": "a video", "key_frames": "an edited first frame"}


def refuse_misfit(method: str, needs: Needs, model: "Backbone", inputs: Inputs) -> None:
    """Compares the needs of a method, which is called `method`, with a model and inputs.

    Raises:
        ValueError: If they don't fit; one sentence says what is needed, what is there, and what to use.
    """
    for name in sorted(needs.inputs):
        if not getattr(inputs, name):
            raise ValueError(f"{method} needs {MISSING[name]}, as in Inputs({name}=...)")
    if not fits(needs, model):
        wanted = " and ".join(READS[kind] for kind in sorted(needs.conditions, reverse=True))
        by_frame = " frame by frame" if needs.one_latent_per_frame and "text" in needs.conditions else ""
        found = " and ".join(READS[kind] for kind in sorted(model.conditions, reverse=True))
        if reads(needs, model) and (lacking := needs.attends - attended(model)):
            layers = " and ".join(LAYERS[kind] for kind in sorted(lacking))
            by_frame, found = f"{by_frame} and has attention {layers}", f"{found} and has none"
        raise ValueError(
            f"{method} needs a model that {wanted}{by_frame}; {model.title} {found}{_remedy(model, needs)}"
        )


def fits(needs: Needs, model: "Backbone") -> bool:
    """Whether a model meets the needs of a method."""
    return (
        reads(needs, model)
        and needs.attends <= attended(model)
        and (model.grid.time == 1 or not needs.one_latent_per_frame)
    )


def reads(needs: Needs, model: "Backbone") -> bool:
    """Whether a model is given what it must be given, and reads what a method gives."""
    known = model.conditions | model.options
    return needs.conditions <= known and model.conditions <= needs.conditions | needs.may


def attended(model: "Backbone") -> set[Attends]:
    """What the attention layers of a model look at."""
    return {layer.attends for layer in model.control.layers}


def _remedy(model: "Backbone", needs: Needs) -> str:
    """What to use with a model: rather another method of the same command than another command."""
    from . import METHODS  # The registry imports this module.

    verbs: list[Verb] = ["edit", "propagate", "generate"]
    for verb in sorted(verbs, key=lambda verb: verb != needs.verb):
        names = [name for name, kind in METHODS[verb].items() if fits(kind.needs, model)]
        if names:
            named = verb == "edit" or (verb == "propagate" and "i2vedit" not in names)
            return f"; use `rescene {verb}`" + (f" with {' or '.join(names)}" if named else "")
    return "; use another model"
