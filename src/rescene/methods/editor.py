"""One TokenFlow edit at work: what it predicts for all frames at a step of the schedule."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..attention import (
    AllFrames,
    AttentionHook,
    FollowFeatures,
    FollowFirst,
    Found,
    InjectionSites,
    PivotFeatures,
    Propagate,
    RecordFeatures,
    RecordPivots,
    Segments,
    Shares,
    UseFeatures,
)
from ..backbones import Backbone
from ..backbones.controlled import Steering
from ..cache import cached, content_hash
from ..sampling import Step, classifier_free
from ..typing import Latents, Text
from .trajectory import Trajectory, steered

Some = Float[Tensor, "some C h w"]
"""Latents of some of the frames."""
Correspondences = Int[Tensor, "_ shares everywhere"]
"""Those of all layers, one after the other."""
Kept = dict[str, PivotFeatures]
"""What the layers put out for the pivots, by the layer's name."""


@dataclass(frozen=True, kw_only=True)
class Editor:
    """The network, led by a source and its pivots."""

    model: Backbone
    trajectory: Trajectory
    texts: tuple[Text, Text, Text]
    """What the branches read: the source's prompt, the negative one and the target's."""
    steering: tuple[Steering, ...]
    segments: Segments
    pivots: list[list[int]]
    """The pivots' frames by step, one for each segment."""
    sites: InjectionSites | None
    """Where the source is put in, if it is."""
    feature_steps: range
    attention_steps: range
    guidance_scale: float
    joint_pivots: int
    frames_per_batch: int

    def denoise(self, z: Latents, step: Step) -> Latents:
        """The guided prediction for all frames."""
        prediction = torch.empty_like(z)
        for own, context in self.segments.windows(self.joint_pivots):
            # Edit the pivots: their own prediction is dropped, what their self-attention put out is kept.
            segments = [*context, *own]
            kept = self.attend_jointly(z, step, [self.pivots[step.index][segment] for segment in segments])

            # Denoise all frames, which copy it. The pivots are among them.
            frames = range(self.segments[own[0]].start, self.segments[own[-1]].stop)
            prediction[list(frames)] = self.follow(z, step, frames, kept=kept, segments=segments)
        return prediction

    def attend_jointly(self, z: Latents, step: Step, frames: list[int]) -> Kept:
        """What each layer puts out for some frames when the edited branches attend to all of them."""
        kept: Kept = {}
        hooks: list[AttentionHook] = [RecordPivots(kept)]
        if self.sites and step.index in self.feature_steps:
            hooks.append(FollowFeatures(self.sites.features))
        if self.sites and step.index in self.attention_steps:
            hooks.append(FollowFirst(self.sites.attention))
        source, negative, target = self.texts
        own, clean = z[frames], self.clean(step, frames)
        with steered(self.model, self.steering, frames), self.model.hooked(*hooks, AllFrames()):
            self.model.predict(step, (clean, source), (own, negative), (own, target))
        return kept

    def follow(self, z: Latents, step: Step, frames: range, *, kept: Kept, segments: list[int]) -> Some:
        """The guided prediction for some frames, which copy from the pivots of `segments`.

        What corresponds to what depends on the source alone; it is looked up if an edit has found it before.
        """
        predictions: list[Some] = []

        def denoise(known: Correspondences | None) -> Correspondences:
            parts: list[Correspondences] = []
            for start in frames[:: self.frames_per_batch]:
                some = list(range(start, min(start + self.frames_per_batch, frames.stop)))
                found = {} if known is None else unpack(known[[frame - frames.start for frame in some]], kept)
                lead = Propagate(kept, [self.shares(frame, segments) for frame in some], found)
                predictions.append(self.predict(z, step, some, lead=lead))
                parts.append(pack(found))
            return torch.cat(parts)

        key = self.key(step, frames, segments)
        known = cached(key, lambda: denoise(None)) if key else denoise(None)
        if not predictions:
            denoise(known)
        return torch.cat(predictions)

    def predict(self, z: Latents, step: Step, frames: list[int], *, lead: Propagate) -> Some:
        """The guided prediction for as many frames as are computed together."""
        _, negative, target = self.texts
        own, features = z[frames], self.look(step, frames, lead)
        with (
            steered(self.model, self.steering, frames),
            self.model.hooked(*features, lead.only(slice(1, None))),
        ):
            without, towards = self.model.predict(step, (own, negative), (own, target))
        return classifier_free(without, towards, self.guidance_scale)

    def look(self, step: Step, frames: list[int], lead: Propagate) -> list[AttentionHook]:
        """Runs the source, if it is to be seen what corresponds to what, or for the features to put in."""
        sites = self.sites if step.index in self.feature_steps else None
        if lead.found and sites is None:
            return []
        features: list[Tensor] = []
        record = [RecordFeatures(sites.features, features)] if sites else []
        with steered(self.model, self.steering, frames), self.model.hooked(*record, lead.only(slice(1))):
            self.model.predict(step, (self.clean(step, frames), self.texts[0]))
        return [UseFeatures(sites.features, features[0])] if sites else []

    def clean(self, step: Step, frames: list[int]) -> Some:
        """The source's latents at the step's noisy end."""
        return self.trajectory.latents[step.index][frames].to(self.texts[0].device)

    def shares(self, frame: int, segments: list[int]) -> Shares:
        """What a frame copies, by the places of its segments in `segments`."""
        return [(segments.index(segment), weight) for segment, weight in self.segments.shares(frame)]

    def key(self, step: Step, frames: range, segments: list[int]) -> dict[str, object] | None:
        """All that correspondences depend on; None if that can't be named."""
        if self.trajectory.origin is None or self.model.hooks.altered:
            return None
        return {
            **self.trajectory.origin,
            "kind": "correspondences-1",
            "timestep": step.timestep,
            "latents": content_hash(self.trajectory.latents[step.index]),
            "frames": [frames.start, frames.stop],
            "interval": self.segments.interval,
            "pivots": [self.pivots[step.index][segment] for segment in segments],
        }


def pack(found: Found) -> Correspondences:
    """Puts the layers' correspondences into one tensor."""
    return torch.cat(list(found.values()), dim=-1).cpu()


def unpack(found: Correspondences, kept: Kept) -> Found:
    """Takes them apart again: the layers come in the order in which they were kept."""
    sizes = [features.tokens.shape[1] for features in kept.values()]
    return dict(zip(kept, found.split(sizes, dim=-1), strict=True))
