from fractions import Fraction

import av
from av.filter import Graph

from rescene.video.filters import through


def test_frames_do_not_pile_up(frames):
    """A graph that passes frames on gives each back before the next goes in."""
    graph = Graph()
    source = graph.add_buffer(width=64, height=48, format=av.VideoFormat("rgb24"), time_base=Fraction(1, 10))
    graph.link_nodes(source, graph.add("null"), graph.add("buffersink")).configure()
    given = []

    def feed():
        for number, picture in enumerate(frames(5).permute(0, 2, 3, 1).contiguous().numpy()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            given.append(number)
            yield frame

    assert [(frame.pts, len(given)) for frame in through(graph, feed())] == [(n, n + 1) for n in range(5)]
