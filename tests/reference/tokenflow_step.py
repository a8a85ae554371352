"""One recorded step of a TokenFlow edit, with everything that was recorded inside the network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rescene.attention import AttentionHook, Call, Layer
from rescene.backbones import Branch
from rescene.methods.tokenflow.conditions import Conditions
from rescene.methods.tokenflow.propagation import nearest
from rescene.methods.tokenflow.source import Trajectory
from rescene.sampling import Step, classifier_free
from rescene.typing import Latents, Tokens
from tests.reference.result import Result
from tests.reference.tokenflow_clip import FLIPPED, Recorded
from tests.reference.tokenflow_published import Published

UNIT_TOLERANCE = 5e-5
"""That of a step without flips: the manifest names none for what is inside the network."""
MOST_FLIPS = 5e-4


Pass = tuple[Tensor, Tensor]
"""What a module was given and put out."""
Passes = dict[int, list[Pass]]
"""By how many branches were computed at once: the source runs apart from the two that are edited."""


@dataclass(frozen=True)
class Spy(AttentionHook):
    """Keeps the input and output of self-attention, pass by pass: the pivots first, then each segment."""

    seen: dict[str, Passes] = field(default_factory=dict)

    def applies(self, layer: Layer) -> bool:
        return layer.attends == "frame"

    def around_layer(self, call: Call, x: Tokens, proceed: Callable[[Tokens], Tokens]) -> Tokens:
        out = proceed(x)
        passes = self.seen.setdefault(call.layer.name.removesuffix(".transformer_blocks.0.attn1"), {})
        passes.setdefault(len(x) // call.times, []).append((x, out))
        return out


def joined(passes: Passes) -> list[Pass]:
    """The original's passes, of all branches: the pivots', then each segment's."""
    pairs = zip(passes[1], passes[2], strict=True)
    return [(torch.cat([a, c]), torch.cat([b, d])) for (a, b), (c, d) in pairs]


@dataclass(frozen=True)
class ObservedStep:
    """The step of a case at which its correspondences were recorded."""

    case: Recorded
    edit: Published
    trajectory: Trajectory
    conditions: Conditions

    def run(self) -> Iterator[Result]:
        """Takes the step from the recorded latents and compares what was recorded of it."""
        number, recorded = self.case.settings["target_step"], self.case.tensors
        before = f"x_step/{number - 1:02d}" if number else "x_init"
        if not any(name.startswith(("nn/", "unit/", f"x_step/{number:02d}")) for name in recorded):
            return
        editor = self.edit.frames(self.edit.branches(self.trajectory, self.conditions))
        spy, predictions = Spy(), list[tuple[Tensor, ...]]()
        schedule = self.edit.schedule()
        step = schedule[number]
        with self.case.model.changed(spy), self.modules() as modules, self.predictions(predictions):
            (z,) = self.trajectory.sample(editor.denoise, recorded[before], schedule.alone(step))
        if f"x_step/{number:02d}" in recorded:
            after = recorded[f"x_step/{number:02d}"]
            yield self.case.compare_run(f"step {number} from the recorded latents", z, after, FLIPPED)
        attention = {name: joined(passes) for name, passes in spy.seen.items()}
        yield from self.correspondences(attention)
        yield from self.passes([each for each in predictions if len(each) > 1], step, recorded[before])
        yield from self.units(attention, {name: joined(passes) for name, passes in modules.items()})

    @contextmanager
    def predictions(self, into: list[tuple[Tensor, ...]]) -> Iterator[None]:
        """Collects what the network predicts for the branches of each pass."""
        predict = self.case.model.predict

        def kept(*branches: Branch) -> tuple[Tensor, ...]:
            into.append(predict(*branches))
            return into[-1]

        with mock.patch.object(self.case.model, "predict", kept):
            yield

    def correspondences(self, attention: dict[str, list[Pass]]) -> Iterator[Result]:
        """The share of positions that found another neighbour."""
        wrong = total = 0
        for name in self.case.tensors:
            if name.startswith("nn/"):
                _, batch, *block, which = name.split("/")
                segment = int(batch.removeprefix("batch"))
                (pivots, _), *segments = attention["/".join(block)]
                pivots = pivots[: len(pivots) // 3][segment - (which == "kfprev")]
                frames = segments[segment][0]
                found = nearest(frames[: len(frames) // 3].flatten(0, 1), F.normalize(pivots, dim=-1))
                wrong += int((found != self.case.tensors[name].long()).sum())
                total += len(found)
        if total:
            share = wrong / total
            yield Result(f"{self.case.name}/{total} correspondences", share, share, MOST_FLIPS)

    def passes(self, predictions: list[tuple[Tensor, ...]], step: Step, z: Latents) -> Iterator[Result]:
        """The latents after the pass over the pivots and those over each segment."""
        parts = [*torch.arange(len(z)).split(self.edit.settings.pivot_interval)]
        pivots = torch.tensor(self.case.settings["keyframe_frames"][self.case.settings["target_step"]])
        names = ["pivot", *map(str, range(len(parts)))]
        for name, frames, (*_, without, towards) in zip(names, [pivots, *parts], predictions, strict=True):
            recorded = self.case.tensors.get(f"denoise_step_out/{name}")
            if recorded is not None:
                guided = classifier_free(without, towards, self.edit.settings.guidance_scale)
                residuals = self.trajectory.residuals
                taken = None if residuals is None else {step.index: residuals[step.index][frames]}
                own = Trajectory(z[frames][None], taken)
                (ours,) = own.sample(lambda *_, e=guided: e, z[frames], self.edit.schedule().alone(step))
                yield self.case.compare_run(f"denoise_step_out/{name}", ours, recorded, FLIPPED)

    @contextmanager
    def modules(self) -> Iterator[dict[str, Passes]]:
        """Collects the inputs and outputs of the blocks that were recorded."""
        seen: dict[str, Passes] = {}

        def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
            def after(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
                branches = len(output) // self.case.model.control.now.times
                seen.setdefault(name, {}).setdefault(branches, []).append((inputs[0], output))

            return after

        with ExitStack() as undo:
            for name in {name.split("/")[2] for name in self.case.tensors if name.startswith("unit/")}:
                path = name if "resnets" in name else f"{name}.transformer_blocks.0"
                module = self.case.model.control.network.get_submodule(path)
                undo.enter_context(module.register_forward_hook(keep(name)))
            yield seen

    def units(self, attention: dict[str, list[Pass]], modules: dict[str, list[Pass]]) -> Iterator[Result]:
        """Inputs and outputs of blocks and of attention, but for text and time, which go into all of them."""
        for name, recorded in self.case.tensors.items():
            if not name.startswith("unit/"):
                continue
            _, batch, block, what = name.split("/")
            number = 0 if batch == "pivot" else 1 + int(batch.removeprefix("batch"))
            match what:
                case "attn1_in" | "attn1_out":
                    ours = attention[block][number][what == "attn1_out"]
                case "src_tokens":
                    tokens = attention[block][number][0]
                    ours = tokens[: len(tokens) // 3].flatten(0, 1)
                case "kf_tokens":
                    pivots = attention[block][0][0]
                    ours = torch.cat([pivots[number - 1], pivots[number - 2]])
                case "in" | "out" | "block_in" | "block_out":
                    ours = modules[block][number][what.endswith("out")]
                case "temb" | "encoder_hidden_states":
                    continue
                case _:
                    raise ValueError(f"{self.case.name}: no comparison for {name}")
            yield Result.of(f"{self.case.name}/{name}", ours, recorded, UNIT_TOLERANCE)
