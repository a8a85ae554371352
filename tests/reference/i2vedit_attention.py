"""I2VEdit's recorded attention layers: what went in and came out while an edit followed its source."""

import re
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from rescene.attention import Call, Layer
from rescene.attention.kernel import attend
from rescene.attention.temporal import FollowMotion
from rescene.methods.i2vedit.matching import MatchSpatial, total_variation
from tests.reference.i2vedit_case import FROM_LATENTS, Recorded
from tests.reference.result import Result


def run(case: Recorded) -> Iterator[Result]:
    """Compares every captured layer of the first edit."""
    captured: dict[tuple[str, str, int], dict[str, Tensor]] = {}
    for name, tensor in case.tensors.items():
        if match := re.fullmatch(r"clip0\.edit0\.cap\.(\w+)\.(\w+)\.step(\d+)\.(\w+)", name):
            captured.setdefault((match[1], match[2], int(match[3])), {})[match[4]] = tensor
    for (kind, place, step), tensors in captured.items():
        compare = compare_spatial if kind == "spatial" else compare_temporal
        yield compare(case, place, step, tensors)


def compare_spatial(case: Recorded, place: str, step: int, recorded: dict[str, Tensor]) -> Result:
    """Compares the output where attention is mixed, and the mask on the way."""
    frames = len(recorded["q0"])
    thresholds = case.method(0).following(frames).thresholds
    q, k = (torch.cat([recorded[f"{name}0"], recorded[name]]) for name in ("q", "k"))
    v = torch.cat([torch.zeros_like(recorded["v"][:frames]), recorded["v"]])
    out = MatchSpatial(thresholds).around_attention(spatial_call(frames), q, k, v, attend)[frames:]
    # Frames lie side by side in the recorded masks.
    rows = len(recorded["mask"])
    mask = total_variation(q[-frames:], k[-frames:], q[:frames], k[:frames]).unflatten(1, (rows, -1))
    mask = torch.cat(list(mask.masked_fill(mask >= thresholds[:, None, None], 1)), -1)
    ours = torch.cat([out.flatten(), mask.flatten()])
    theirs = torch.cat([recorded["out"].flatten(), recorded["mask"].flatten()])
    return case.compare(f"spatial {place} at step {step}", ours, theirs, FROM_LATENTS)


def spatial_call(frames: int) -> Call:
    """A call of some layer within frames."""
    name = "up_blocks.1.attentions.0.transformer_blocks.0.attn1"
    return Call(Layer(name, "up", 2, 0.0, "frame", "frames"), 0, 2, frames, (1, 1))


def compare_temporal(case: Recorded, place: str, step: int, recorded: dict[str, Tensor]) -> Result:
    """Compares whether the layer follows its source at this step: which of two maps made its output."""
    stage, number = re.fullmatch(r"([a-z]+)(\d+)", place).groups()  # pyright: ignore
    layers = [
        layer for layer in case.model.control.layers if layer.attends == "time" and layer.stage == stage
    ]
    rows = len(recorded["p0"])
    following = [
        hook
        for hook in case.method(0).following(6).hooks(step, case.model.control.layers)
        if isinstance(hook, FollowMotion) and layers[int(number)] in hook.layers
    ]
    own_q, own_k, own_v = (recorded[name][rows:] for name in ("q", "k", "v"))
    ours = recorded["p0"] @ own_v if following else F.scaled_dot_product_attention(own_q, own_k, own_v)
    return case.compare(f"temporal {place} at step {step}", ours, recorded["out"][rows:], FROM_LATENTS)
