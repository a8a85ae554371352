"""The classifier reads what held-out renders show."""

import numpy as np
import pytest
import torch

from rescene.world import Scene
from rescene.world.classifier import VOCABULARY, WEIGHTS, Classifier


@pytest.fixture(scope="module")
def classifier():
    return Classifier.load()


def test_gives_logits_for_every_word(classifier):
    logits = classifier(torch.rand(2, 3, 128, 128))
    assert {kind: values.shape for kind, values in logits.items()} == {
        kind: (2, len(words)) for kind, words in VOCABULARY.items()
    }


def test_reads_held_out_renders(classifier):
    scenes = [Scene.random(seed) for seed in range(100)]
    readings = classifier.read(torch.stack([scene.render_at(0.5)[0] for scene in scenes]))
    pairs = list(zip(scenes, readings, strict=True))
    assert np.mean([scene.object == reading.object for scene, reading in pairs]) > 0.95
    assert np.mean([scene.background == reading.background for scene, reading in pairs]) > 0.95
    assert np.mean([scene.style == reading.style for scene, reading in pairs]) > 0.95
    assert np.mean([scene.colour == reading.colour for scene, reading in pairs if scene.colour]) > 0.95


def test_weights_are_small():
    assert WEIGHTS.stat().st_size < 1_000_000
