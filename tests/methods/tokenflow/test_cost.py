"""Costs of TokenFlow against what happens: the same evaluations, the same bytes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from rescene import Backbone, Notes, StableDiffusion, TokenFlow, Video
from rescene.backbones import outline
from rescene.backbones.changes import load_controlnet
from rescene.methods import Cost, Run
from rescene.methods.tokenflow.edit import TokenFlowEdit
from rescene.methods.tokenflow.pivots import JointPivots
from rescene.methods.tokenflow.source import Trajectory

FRAMES = 6
EDIT = TokenFlow(source="a car", target="a red jeep", num_inference_steps=2, pivot_interval=1, joint_pivots=4)
EDITS = [
    EDIT,
    replace(EDIT, base="sdedit", strength=0.5, joint_pivots=8),
    replace(EDIT, base="ddim", frames_per_batch=2, pivot_interval=3),
    replace(EDIT, inversion="ddim", feature_window=(0.5, 1.0), attention_window=0.5),
]


@pytest.fixture
def video() -> Video:
    return Video.of(torch.rand(FRAMES, 3, 64, 64, generator=torch.Generator().manual_seed(0)), 8)


def cost(edit: TokenFlow, model: Backbone, frames: int = FRAMES) -> Cost:
    return edit.cost(model, Video.of(torch.zeros(1, 3, 64, 64), 8).lengthen(frames))


@pytest.fixture
def seen(model: StableDiffusion, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many frames each pass of the network sees."""
    counts: list[int] = []
    predict = model.predict

    def counted(*branches):
        counts.append(sum(len(branch.z) for branch in branches))
        return predict(*branches)

    monkeypatch.setattr(model, "predict", counted)
    yield counts


@pytest.mark.parametrize("edit", EDITS)
def test_evaluations_are_what_the_network_sees(
    edit: TokenFlow, model: StableDiffusion, video: Video, seen: list[int]
) -> None:
    edit(model, video)
    assert sum(seen) == cost(edit, model).evaluations
    seen.clear()
    replace(edit, target="a dog")(model, video)
    assert sum(seen) == cost(edit, model).again


def test_a_reconstruction_counts(model: StableDiffusion, video: Video, seen: list[int]) -> None:
    EDIT(model, video, Run(notes=Notes()))
    rebuilt = len(TokenFlowEdit(EDIT, model).schedule()) * FRAMES
    assert sum(seen) == cost(EDIT, model).evaluations + rebuilt


@pytest.mark.parametrize("edit", EDITS)
def test_sizes_are_those_of_what_is_kept(
    edit: TokenFlow,
    model: StableDiffusion,
    video: Video,
    cache_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[JointPivots] = []
    paths: list[Trajectory] = []
    post = JointPivots.unpack
    invert = TokenFlowEdit.invert
    monkeypatch.setattr(TokenFlowEdit, "invert", lambda *a: paths.append(invert(*a)) or paths[-1])
    monkeypatch.setattr(JointPivots, "unpack", lambda self, packed: kept.append(self) or post(self, packed))
    edit(model, video)
    found = cost(edit, model)
    files = [load_file(path)["value"] for path in cache_folder.iterdir()]
    sizes = {
        kind: sum(file.nbytes for file in files if file.dtype == kind)
        for kind in (torch.int16, torch.float32)
    }
    assert sizes[torch.int16] == found.disk["correspondences"]
    if paths[0].residuals is None:
        assert isinstance(paths[0].latents, torch.Tensor)
        assert (paths[0].latents.nbytes, 0) == (found.memory["trajectory"], found.disk["inversion"])
    else:
        assert (3 * paths[0].clean.nbytes, sizes[torch.float32]) == (
            found.memory["trajectory"],
            found.disk["inversion"],
        )

    edit(model, video)
    largest = max(map(kept_bytes, kept))
    assert largest == found.memory["pivots"]


def kept_bytes(pivots: JointPivots) -> int:
    source = pivots.source
    parts = [source.tokens, source.outputs, source.attention, pivots.outputs]
    return sum(t.nbytes for part in parts for t in part.values()) + sum(t.nbytes for t in source.features)


def test_groups_bound_what_grows_with_a_clips_length(model: StableDiffusion) -> None:
    short, long = (cost(EDIT, model, frames) for frames in (8, 400))
    assert long.peak - short.peak == long.memory["trajectory"] - short.memory["trajectory"]


def test_a_controlnet_counts(model: StableDiffusion, controlnet: Path, video: Video) -> None:
    net = load_controlnet(controlnet, model)
    weights = sum(weight.nbytes for weight in [*net.network.parameters(), *net._first_layers.parameters()])
    plain, found = (
        cost(replace(EDIT, base=base, controlnet=str(controlnet)), model) for base in ("sdedit", "controlnet")
    )
    assert found.memory["weights"] - plain.memory["weights"] == weights
    assert found.memory["controls"] == net.hints(video).nbytes
    assert found.peak - plain.peak == weights + found.memory["controls"]


def test_weights_need_not_be_there(model: StableDiffusion, tiny_folder: Path) -> None:
    assert cost(EDIT, outline(tiny_folder, dtype=torch.float32)) == cost(EDIT, model)
