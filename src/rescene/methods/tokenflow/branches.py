"""The branches of a TokenFlow edit: the source and the two that are edited, with and without the target."""

from dataclasses import dataclass

from torch import Tensor

from ...attention import AttentionHook
from ...backbones import Backbone, Branch, Text
from ...sampling import Step
from ...typing import Latents
from .conditions import Conditions
from .features import InjectionSites
from .source import Trajectory


@dataclass(frozen=True, kw_only=True)
class Branches:
    """The network with what each branch is shown of a clip."""

    model: Backbone
    trajectory: Trajectory
    texts: tuple[Text, Text, Text]
    """What the branches read: the source's prompt, the negative one and the target's."""
    conditions: Conditions
    sites: InjectionSites | None
    """Where the source is put into the others (Plug-and-Play), if it is."""
    feature_steps: range
    attention_steps: range

    def features_at(self, step: Step) -> str | None:
        """The module whose output the source puts in at this step, if it does."""
        return self.sites.features if self.sites and step.index in self.feature_steps else None

    def attention_at(self, step: Step) -> bool:
        """Whether the source puts in its attention at this step."""
        return self.sites is not None and step.index in self.attention_steps

    def run_source(self, step: Step, frames: list[int], *hooks: AttentionHook) -> None:
        """Runs the source for what hooks see of it: its prediction is of no use."""
        clean = self.trajectory.latents[step.index][frames].to(self.model.device)
        with self.model.changed(*self.conditions.changes(frames), *hooks):
            self.model.predict(Branch(clean, step, self.conditions.with_text(self.texts[0], frames)))

    def run_edited(
        self, z: Latents, step: Step, frames: list[int], *hooks: AttentionHook
    ) -> tuple[Tensor, ...]:
        """The predictions without the target and towards it, for some frames of `z`."""
        _, negative, target = self.texts
        shown = (self.conditions.with_text(text, frames) for text in (negative, target))
        with self.model.changed(*self.conditions.changes(frames), *hooks):
            return self.model.predict(*(Branch(z[frames], step, condition) for condition in shown))
