import pytest

from rescene.app.errors import BUG, told, without_paths
from rescene.video.media import open_media


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada/secret/clip.mp4 is empty", "clip.mp4 is empty"),
        ("there is no ~/models/sd15, nor C:\\models\\sd15", "there is no sd15, nor sd15"),
        ("'/tmp/x/y.mp4': no such file", "'y.mp4': no such file"),
        ("give one for each: canny/depth or 1/2", "give one for each: canny/depth or 1/2"),
        ("timbrooks/instruct-pix2pix", "timbrooks/instruct-pix2pix"),
    ],
)
def test_paths_are_cut_to_names(text, shown):
    assert without_paths(text) == shown


def test_mistakes_are_told_without_their_place(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        open_media(tmp_path / "gone.mp4")
    assert told(caught.value) == "gone.mp4: no such file; check the path"


def test_bugs_go_to_the_log(caplog):
    try:
        int("x")
    except ValueError as error:
        assert told(error) == BUG
    assert "invalid literal" in caplog.text


def test_memory_has_a_remedy():
    assert "fewer frames" in told(MemoryError())
