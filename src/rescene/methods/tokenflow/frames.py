"""All frames at one step of the schedule: pivots first, then those that copy from them (TokenFlow, §4.2)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...attention import AttentionHook, Features
from ...backbones import give_back
from ...cache import cached, content_hash
from ...sampling import Step, classifier_free
from ...typing import Latents
from ..notes import Notes
from . import Blend
from .branches import Branches
from .features import RecordFeatures, UseFeatures
from .pivots import Correspondences, JointPivots, pack
from .propagation import Correspond, Found, PropagateFeatures, Shares
from .segments import Segments

Some = Float[Tensor, "some C h w"]
"""Latents of some of the frames."""


@dataclass(frozen=True, kw_only=True)
class FramesByPivots:
    """Predicts all frames of a clip, led by a source and its pivots."""

    branches: Branches
    segments: Segments
    pivots: list[list[int]]
    """The pivots' frames by step, one for each segment."""
    blend: Blend
    guidance_scale: float
    joint_pivots: int
    frames_per_batch: int
    notes: Notes | None = None

    def denoise(self, z: Latents, step: Step) -> Latents:
        """The guided prediction for all frames."""
        prediction = torch.empty_like(z)
        for own, context in self.segments.groups(self.joint_pivots):
            frames = range(self.segments[own[0]].start, self.segments[own[-1]].stop)
            prediction[list(frames)] = self.group(z, step, frames, [*context, *own])
            # Groups differ in size; holes that they leave would add up over a long clip.
            give_back()
        return prediction

    def group(self, z: Latents, step: Step, frames: range, segments: list[int]) -> Some:
        """The guided prediction for some frames, with the pivots of `segments`."""
        # Edit the pivots: their own prediction is dropped, what their self-attention put out is kept.
        every = self.pivots[step.index]
        pivots = JointPivots(self.branches, z, step, [every[number] for number in segments])

        # Denoise all frames, which copy it. The pivots are among them.
        return self.follow(pivots, frames, segments)

    def follow(self, pivots: JointPivots, frames: range, segments: list[int]) -> Some:
        """The guided prediction for some frames, which copy from `pivots`, those of `segments`.

        What corresponds to what depends on the source alone; it is looked up if an edit has found it before.
        """
        predictions: list[Some] = []

        def denoise(known: Correspondences | None) -> Correspondences:
            parts: list[Correspondences] = []
            for start in frames[:: self.frames_per_batch]:
                some = list(range(start, min(start + self.frames_per_batch, frames.stop)))
                rows = [frame - frames.start for frame in some]
                found = {} if known is None else pivots.unpack(known[rows])
                shares = [self.shares(frame, pivots.step, segments) for frame in some]
                predictions.append(self.predict(pivots, some, shares, found))
                parts.append(pack(found))
            return torch.cat(parts)

        key = self.key(pivots, frames)
        known = cached(key, lambda: denoise(None)) if key else denoise(None)
        if not predictions:
            denoise(known)
        return torch.cat(predictions)

    def predict(self, pivots: JointPivots, frames: list[int], shares: list[Shares], found: Found) -> Some:
        """The guided prediction for as many frames as are computed together; `found` is filled if empty."""
        features = self.look(pivots, frames, shares, found)
        site = self.branches.features_at(pivots.step)
        use = [UseFeatures(site, features[0])] if site else []
        copy = PropagateFeatures(pivots.outputs, shares, found)
        without, towards = self.branches.run_edited(pivots.z, pivots.step, frames, *use, copy)
        if self.notes:
            self.note(self.notes, pivots, frames, shares, found)
        return classifier_free(without, towards, self.guidance_scale)

    def look(
        self, pivots: JointPivots, frames: list[int], shares: list[Shares], found: Found
    ) -> list[Features]:
        """Runs the source, if it is to be seen what corresponds to what, or for the features to put in."""
        features: list[Features] = []
        hooks: list[AttentionHook] = []
        if not found:
            hooks.append(Correspond(pivots.source.tokens, shares, found))
        if site := self.branches.features_at(pivots.step):
            hooks.append(RecordFeatures(site, features))
        if hooks:
            copy = PropagateFeatures(pivots.source.outputs, shares, found)
            self.branches.run_source(pivots.step, frames, *hooks, copy)
        return features

    def shares(self, frame: int, step: Step, segments: list[int]) -> Shares:
        """What a frame copies, by the places of its segments in `segments`."""
        shares = self.segments.shares(frame, self.pivots[step.index], self.blend)
        return [(segments.index(segment), weight) for segment, weight in shares]

    def note(
        self, notes: Notes, pivots: JointPivots, frames: list[int], shares: list[Shares], found: Found
    ) -> None:
        """Notes where the frames copied from in the last layer, which is of the finest level."""
        model = self.branches.model
        name, positions = list(found.items())[-1]
        grid = next(layer for layer in model.control.layers if layer.name == name).grid(*pivots.z.shape[-2:])
        for number, frame in enumerate(frames):
            pivot, _ = shares[number][0]
            notes.copied(frame, pivots.frames[pivot], positions[number, 0].view(grid))

    def key(self, pivots: JointPivots, frames: range) -> dict[str, object] | None:
        """All that correspondences depend on; None if that can't be named."""
        trajectory, step = self.branches.trajectory, pivots.step
        if trajectory.origin is None or self.branches.model.control.altered:
            return None
        return {
            **trajectory.origin,
            "kind": "correspondences-2",
            "timestep": step.timestep,
            "latents": content_hash(trajectory.latents[step.index]),
            "frames": [frames.start, frames.stop],
            "interval": self.segments.interval,
            "pivots": pivots.frames,
            "blend": self.blend,
        }
