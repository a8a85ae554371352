from rescene import Video
from rescene.methods.method import quiet
from rescene.video.watch import watching


def test_watching_counts_the_frames_that_are_read(clip):
    counted = []

    def count(iterable, /, *, description, total):
        for item in iterable:
            counted.append((item, total, description))
            yield item

    with watching(clip, count, "Reading") as video:
        assert not counted
        list(video.chunks(3))
        assert len(counted) == len(clip)
    assert counted[-1] == (3, 4, "Reading")


def test_watching_changes_nothing(clip):
    with watching(clip, quiet, "Reading") as video:
        assert isinstance(video, Video)
        assert (video.frames == clip.frames).all()
        assert (video.width, video.fps) == (clip.width, clip.fps)
