"""What all backbones do with their networks."""

from torch import nn

from rescene.backbones.parts import network_hash


def test_a_network_has_one_hash_in_float32_and_float16() -> None:
    layer = nn.Linear(3, 2)
    before = network_hash(layer)
    assert network_hash(layer.half()) == before
    layer.weight.data[0, 0] += 1
    assert network_hash(layer) != before
