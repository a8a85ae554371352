"""Poses by tiny random networks; places by heat maps and regions that are known."""

import json
import shutil
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import (
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrResNetConfig,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
)

from rescene import Pose, Video
from rescene.controls.openpose import openpose
from rescene.controls.people import MARGIN, People, cropped, padded, peaks


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stages: dict[str, Any] = {"out_features": ["stage1"], "out_indices": [1]}
        backbone = VitPoseBackboneConfig(
            image_size=[64, 48], hidden_size=16, num_hidden_layers=1, num_attention_heads=2, **stages
        )
        joints: dict[str, Any] = {"num_labels": 17}
        pose = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, **joints))
        pose.save_pretrained(root / "pose")
        stages = {"out_features": ["stage2", "stage3", "stage4"]}
        resnet = RTDetrResNetConfig(
            embedding_size=8, hidden_sizes=[8] * 4, depths=[1] * 4, layer_type="basic", **stages
        )
        detector = RTDetrConfig(
            backbone_config=resnet, encoder_hidden_dim=8, encoder_in_channels=[8, 8, 8], d_model=8,
            num_queries=4, decoder_layers=1, encoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, decoder_in_channels=[8, 8, 8], encoder_ffn_dim=8, decoder_ffn_dim=8,
            num_denoising=0, id2label={0: "person", 1: "bicycle"},
        )  # fmt: skip
        network = RTDetrForObjectDetection(detector)
        for name, weight in network.named_parameters():
            if "class_embed" in name and name.endswith("bias"):
                weight.data = torch.tensor([5.0, -5.0])  # Everything is a person.
        network.save_pretrained(root / "detector")
    return {"model": str(root / "pose"), "detector": str(root / "detector")}


def test_frames_go_through_both_networks_and_keep_their_size(folders):
    video = Video.of(torch.rand(2, 3, 48, 80, generator=torch.Generator().manual_seed(0)), 8)
    drawn = Pose(**folders)(video)
    assert drawn.frames.shape == video.frames.shape
    people = People.load(folders["detector"], folders["model"], device="cpu")
    assert len(people.boxes(video.frames[:1])) == 4
    joints, scores = people(video.frames[:1])
    assert joints.shape == (4, 17, 2)
    assert scores.shape == (4, 17)


def test_only_people_count(folders):
    people = People.load(folders["detector"], folders["model"], device="cpu")
    people.detector.config.id2label = {0: "bicycle", 1: "person"}
    frame = torch.rand(1, 3, 48, 80)
    assert len(people.boxes(frame)) == 0
    joints, _ = people(frame)
    assert joints.shape == (0, 17, 2)


def test_joints_come_back_to_where_they_are_in_the_frame():
    """A network that sees a white dot puts its heat there."""

    def see(pixels: torch.Tensor, dataset_index: torch.Tensor) -> SimpleNamespace:
        heat = torch.nn.functional.interpolate(
            pixels.mean(1, keepdim=True), (64, 48), mode="bilinear", align_corners=True
        )
        return SimpleNamespace(heatmaps=(heat - heat.amin()).expand(-1, 17, -1, -1))

    network = torch.nn.Identity()
    network.forward = see  # pyright: ignore
    network.config = SimpleNamespace(backbone_config=SimpleNamespace(image_size=[256, 192]))  # pyright: ignore
    network.device = torch.device("cpu")  # pyright: ignore
    down, across = torch.meshgrid(torch.arange(120.0), torch.arange(200.0), indexing="ij")
    frame = (-((across - 90) ** 2 + (down - 70) ** 2) / 50).exp().expand(1, 3, -1, -1)
    joints, scores = People(None, network).joints(frame, torch.tensor([[60.0, 20.0, 130.0, 110.0]]))
    torch.testing.assert_close(joints[0, 0], torch.tensor([90.0, 70.0]), atol=0.5, rtol=0)
    assert (scores > 0.3).all()


def test_peaks_lie_between_positions():
    down, across = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing="ij")
    heat = (-((across - 5.3) ** 2 + (down - 8.75) ** 2) / 8).exp()[None, None]
    places, scores = peaks(heat)
    torch.testing.assert_close(places[0, 0], torch.tensor([5.3, 8.75]), atol=1e-3, rtol=0)
    assert 0.9 < scores.item() <= 1


def test_peaks_at_edges_stay_inside():
    heat = torch.zeros(1, 2, 4, 4)
    heat[0, 0, 0, 0] = heat[0, 1, 3, 3] = 1
    places, _ = peaks(heat)
    assert (places > -1).all()
    assert (places < 4).all()


def test_regions_keep_their_middle_and_get_the_networks_shape():
    boxes = torch.tensor([[10.0, 10.0, 20.0, 50.0], [0.0, 0.0, 90.0, 10.0]])
    regions = padded(boxes, 0.75)
    sizes = regions[:, 2:] - regions[:, :2]
    torch.testing.assert_close(sizes[:, 0] / sizes[:, 1], torch.full((2,), 0.75))
    torch.testing.assert_close(regions[:, :2] + regions[:, 2:], boxes[:, :2] + boxes[:, 2:])
    torch.testing.assert_close(sizes[0, 1], torch.tensor(40 * MARGIN))
    torch.testing.assert_close(sizes[1, 0], torch.tensor(90 * MARGIN))


def test_a_region_of_the_frame_itself_is_the_frame():
    frame = torch.rand(1, 3, 9, 7)
    torch.testing.assert_close(cropped(frame, torch.tensor([[0.0, 0.0, 6.0, 8.0]]), (9, 7)), frame)


def test_the_neck_is_between_the_shoulders():
    joints, scores = torch.zeros(1, 17, 2), torch.ones(1, 17)
    joints[0, 5], joints[0, 6], scores[0, 6] = torch.tensor([8.0, 4.0]), torch.tensor([2.0, 4.0]), 0.2
    points, sure = openpose(joints, scores)
    assert points.shape == (1, 18, 2)
    assert points[0, 1].tolist() == [5, 4]
    assert sure[0, 1] == pytest.approx(0.2)
    assert points[0, 2].tolist() == [2, 4]  # The right shoulder.


def test_models_that_arent_there_are_named(folders, tmp_path):
    video, nothing = Video.of(torch.rand(1, 3, 16, 16), 8), str(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="the detection model"):
        _ = Pose(**{**folders, "detector": nothing})(video).frames
    with pytest.raises(FileNotFoundError, match="the pose model"):
        _ = Pose(**{**folders, "model": nothing})(video).frames


def test_a_detector_of_other_things_is_refused(folders, tmp_path):
    other = shutil.copytree(folders["detector"], tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"id2label": {"0": "cup", "1": "bicycle"}}))
    with pytest.raises(ValueError, match="finds no people"):
        People.load(str(other), folders["model"], device="cpu")
