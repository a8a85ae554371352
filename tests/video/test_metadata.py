import json

import av
import pytest
from PIL import Image

from rescene.video import DigitalSourceType, Metadata, Video, read_metadata
from rescene.video.metadata import gif_blocks

NAMES = ["a.mp4", "a.mov", "a.webm", "a.mkv", "a.gif", "frames"]
SETTINGS = json.dumps(
    {"target": 'a "marble" sculpture; 50 % größer\n', "seed": 7, "long": "x" * 3000}, ensure_ascii=False
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source_type", [*DigitalSourceType, None])
def test_what_is_noted_is_read_back(tmp_path, frames, name, source_type):
    Video.of(frames(3), 10).write(tmp_path / name, settings=SETTINGS, source_type=source_type)
    assert read_metadata(tmp_path / name) == Metadata(settings=SETTINGS, source_type=source_type)


@pytest.mark.parametrize("name", NAMES)
def test_results_are_marked_unless_asked_otherwise(tmp_path, frames, name):
    Video.of(frames(3), 10).write(tmp_path / name)
    assert read_metadata(tmp_path / name) == Metadata(source_type=DigitalSourceType.EDITED)


def test_other_programs_find_it(tmp_path, frames):
    url = DigitalSourceType.EDITED.value
    for name in NAMES:
        Video.of(frames(2), 10).write(tmp_path / name, settings=SETTINGS)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.metadata["comment"] == SETTINGS
    with av.open(str(tmp_path / "a.webm")) as container:
        assert url in container.metadata.values()
    with Image.open(tmp_path / "frames" / "00001.png") as image:
        assert f'DigitalSourceType="{url}"' in image.info["XML:com.adobe.xmp"]
        assert "Comment" not in image.info
    with Image.open(tmp_path / "a.gif") as image:
        assert image.info["comment"].decode() == SETTINGS
        image.seek(1)


def test_the_box_of_an_mp4_is_its_last(tmp_path, frames):
    Video.of(frames(2), 10).write(tmp_path / "a.mp4")
    content = (tmp_path / "a.mp4").read_bytes()
    start = content.rindex(b"uuid") - 4
    assert int.from_bytes(content[start : start + 4], "big") == len(content) - start
    assert content[start + 8 :].startswith(bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC"))


def test_no_metadata_needs_no_blocks():
    assert gif_blocks(Metadata()) == b""


def test_files_of_others(film):
    assert read_metadata(film("a.mp4")) == Metadata()


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_metadata(tmp_path / "nothing.mp4")
    with pytest.raises(ValueError, match="no PNG frames"):
        read_metadata(tmp_path)
