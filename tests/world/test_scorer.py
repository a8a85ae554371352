"""The scorer tells right captions of held-out renders from wrong ones, and says what it can't read."""

import pytest
import torch

from rescene.world import BACKGROUNDS, COLOURS, STYLES, Scene, WorldScorer
from rescene.world.scorer import WEIGHTS

SEEDS = range(40)
scorer = WorldScorer()


def test_weights_are_small():
    assert WEIGHTS.stat().st_size < 5e6


@pytest.mark.parametrize(
    ("kind", "words"), [("colour", COLOURS), ("background", BACKGROUNDS), ("style", STYLES)]
)
def test_the_right_caption_is_the_nearest(kind, words):
    right = 0
    for seed in SEEDS:
        scene = Scene.random(seed).changed(**{kind: words[seed % len(words)]})
        seen = scorer.image(scene.render_at(0.5)[0], "centre")
        texts = torch.stack([scorer.text(scene.changed(**{kind: word}).caption) for word in words])
        right += words[int((texts @ seen).argmax())] == getattr(scene, kind)
    assert right >= 0.9 * len(SEEDS)


def test_an_edit_moves_the_picture_as_its_words_moved():
    scene = Scene.random(3).changed(object="car", colour="red", style=None)
    pictures = [
        scorer.image(each.render_at(0.5)[0], "centre") for each in (scene, scene.changed(colour="blue"))
    ]
    texts = {word: scorer.text(scene.changed(colour=word).caption) for word in ("red", "blue", "green")}
    change = pictures[1] - pictures[0]
    towards = {word: float(change @ (texts[word] - texts["red"])) for word in ("blue", "green")}
    assert towards["blue"] > 2 * abs(towards["green"])


def test_features_have_length_one_and_see_the_square_that_was_asked_for():
    tall = torch.cat([torch.zeros(3, 64, 64), Scene.random(1).render_at(0, size=64)[0]], dim=1)
    bottom = scorer.image(tall, "bottom")
    assert float(bottom.norm()) == pytest.approx(1, abs=1e-4)
    assert float(scorer.text("a cat").norm()) == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(bottom, scorer.image(tall[:, 64:], "centre"))
    assert float(bottom @ scorer.image(tall, "centre")) < 0.99


@pytest.mark.parametrize(("prompt", "said"), [("a jeepney on the road", "jeepney"), (" , ", "no words")])
def test_prompts_that_it_cannot_read_are_refused(prompt, said):
    with pytest.raises(ValueError, match=said):
        scorer.text(prompt)
