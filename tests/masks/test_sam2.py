"""SAM 2 as a tracker, on a tiny random network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rescene.inputs.marks import Box, Marks, Point, Polygon
from rescene.masks.sam2 import BySam2
from rescene.masks.tracking import tracked
from rescene.progress import quiet
from rescene.video import Video

VIDEO = Video.of(torch.rand(4, 3, 40, 60, generator=torch.Generator().manual_seed(0)), 8)


@pytest.fixture(scope="module")
def sam2(tmp_path_factory) -> BySam2:
    return BySam2(str(tiny_sam2(tmp_path_factory.mktemp("models") / "sam2")))


def tiny_sam2(folder: Path) -> Path:
    """Saves a random SAM 2 for video that works on pictures of 64 pixels."""
    from transformers import Sam2VideoConfig, Sam2VideoModel
    from transformers.models.sam2.configuration_sam2 import Sam2HieraDetConfig, Sam2VisionConfig

    backbone = Sam2HieraDetConfig(
        hidden_size=8, num_attention_heads=1, image_size=[64, 64], blocks_per_stage=[1, 2, 1, 1],
        embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 4, 4, 4], window_positional_embedding_background_size=[4, 4],
        global_attention_blocks=[2],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone.to_dict(), backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]], fpn_hidden_size=128,
    )  # fmt: skip
    config = Sam2VideoConfig(
        vision_config=vision.to_dict(), prompt_encoder_config={"hidden_size": 128, "image_size": 64},
        mask_decoder_config={
            "hidden_size": 128, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
        image_size=64, memory_attention_hidden_size=128, memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=16, memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=128, memory_encoder_output_channels=64, mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=16, memory_fuser_num_layers=1,
        num_maskmem=3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Sam2VideoModel(config).save_pretrained(folder)
    return folder


def test_an_outline_is_what_the_network_remembers_of_its_frame(sam2):
    marks = Marks(polygons=(Polygon(corners=((2, 2), (40, 2), (40, 30)), at=1),))
    found = sam2(VIDEO, marks, quiet).mattes[1] > 127
    rows, columns = np.mgrid[: found.shape[0], : found.shape[1]] * (40 / found.shape[0])
    true = (columns >= 2) & (columns <= 40) & (rows >= 2) & (rows - 2 <= (columns - 2) * 28 / 38)
    assert (found & true).sum() / (found | true).sum() > 0.85


def test_all_frames_are_asked_for_once_from_boxes_and_points_on_any(sam2):
    asked: list[int] = []

    def counted(items, *, description, total):
        assert total == len(VIDEO)
        for item in items:
            asked.append(item)
            yield item

    marks = Marks(
        boxes=(Box(x=5, y=5, width=20, height=20, at=2), Box(x=30, y=5, width=20, height=20, at=2)),
        points=(Point(x=9, y=9, at=2), Point(x=50, y=35, inside=False, at=2)),
    )
    first = sam2(VIDEO, marks, counted)
    assert sorted(asked) == [0, 1, 2, 3]
    assert (first.mattes == sam2(VIDEO, marks, quiet).mattes).all()
    other = sam2(VIDEO, Marks(points=marks.points), quiet)
    assert (first.mattes != other.mattes).any()


def test_an_object_that_isnt_seen_is_told(sam2):
    mask = tracked(VIDEO, Marks(boxes=(Box(x=5, y=5, width=20, height=20),)), sam2)
    with pytest.warns(match=r"carried by SAM 2 \(.*\), may be wrong in .*\(the object isn't seen\)"):
        assert mask.frames.shape == (4, 3, 40, 60)


def test_a_model_that_isnt_there_is_told():
    with pytest.raises(FileNotFoundError, match=r"the SAM 2 model .*nowhere can't be read"):
        BySam2("./nowhere")(VIDEO, Marks(points=(Point(x=1, y=1),)), quiet)
