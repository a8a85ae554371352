"""What all backbones do with their networks."""

from torch import nn

from rescene.backbones.parts import Parts, network_hash


def test_a_network_has_one_hash_in_float32_and_float16() -> None:
    layer = nn.Linear(3, 2)
    before = network_hash(layer)
    assert network_hash(layer.half()) == before
    layer.weight.data[0, 0] += 1
    assert network_hash(layer) != before


class Somewhere(nn.Linear):
    """Notes where it is, on a machine that has one place only."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.moves: list[str] = []

    def to(self, place: object) -> "Somewhere":  # pyright: ignore[reportIncompatibleMethodOverride]
        self.moves.append(str(place))
        return super().to(place)  # pyright: ignore


def test_of_networks_that_alternate_the_idle_one_waits_in_main_memory() -> None:
    first, second, other = networks = [Somewhere() for _ in range(3)]
    # A device without memory stands for an accelerator.
    parts = Parts(networks, device="meta", offload=False, alternating=networks[:2])
    assert (first.moves, second.moves, other.moves) == (["cpu"], ["cpu"], ["meta"])
    for _ in range(2):
        assert parts.awake(first) is first
        assert parts.awake(other) is other
    assert (first.moves, second.moves, other.moves) == (["cpu", "meta"], ["cpu", "cpu"], ["meta"])


def test_one_network_alone_never_waits() -> None:
    first, other = networks = [Somewhere() for _ in range(2)]
    Parts(networks, device="meta", offload=False, alternating=networks[:1])
    assert (first.moves, other.moves) == (["meta"], ["meta"])


def test_offloaded_networks_all_wait() -> None:
    first, second, other = networks = [Somewhere() for _ in range(3)]
    parts = Parts(networks, device="meta", offload=True, alternating=networks[:2])
    assert parts.awake(other) is other
    assert (first.moves, second.moves, other.moves) == (["cpu", "cpu"], ["cpu", "cpu"], ["cpu", "meta"])


def test_what_rarely_works_does_so_in_main_memory() -> None:
    first, second, rare = networks = [Somewhere() for _ in range(3)]
    parts = Parts(networks, device="meta", offload=True, alternating=[first, rare], rare=[rare])
    assert parts.awake(rare) is rare
    parts.awake(second)
    assert (first.moves, second.moves, rare.moves) == (["cpu", "cpu"], ["cpu", "meta"], ["cpu"])
