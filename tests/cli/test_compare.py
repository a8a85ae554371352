import pytest

from rescene import Video


@pytest.fixture
def compare(run, film, tmp_path):
    def command(*more: object):
        return run("compare", film, film, film, tmp_path / "page.html", "--clip", "none", *more)

    return command


def test_a_page_and_a_labelled_video_are_made(edit, run, film, tmp_path):
    assert edit(output="one.mkv").status == 0
    assert edit("--guidance-scale", 3, output="two.mkv").status == 0
    files = (tmp_path / "one.mkv", tmp_path / "two.mkv", tmp_path / "page.html")
    ran = run("compare", film, *files, "--clip", "none")
    assert ran.status == 0, ran.err
    html = (tmp_path / "page.html").read_text()
    for text in ("guidance scale", "fatezero", "a red jeep on red road", "PSNR"):
        assert text in html
    row, source = Video.read(tmp_path / "page.mp4"), Video.read(film)
    assert len(row) == len(source)
    assert row.width >= 3 * source.width
    assert "page.mp4" in ran.out


def test_results_of_one_name_are_told_apart_by_their_folders(compare, tmp_path, film):
    assert compare().status == 0
    assert str(film) in (tmp_path / "page.html").read_text()


def test_what_exists_is_kept_unless_told_otherwise(compare, tmp_path):
    (tmp_path / "page.mp4").write_bytes(b"mine")
    ran = compare()
    assert ran.status == 2
    assert "--overwrite" in ran.err
    assert (tmp_path / "page.mp4").read_bytes() == b"mine"
    assert compare("--overwrite").status == 0


def test_results_of_different_frames_are_refused(edit, run, film, tmp_path):
    assert edit("--frames", 2, output="one.mkv").status == 0
    assert edit("--frames", 3, output="two.mkv").status == 0
    files = (tmp_path / "one.mkv", tmp_path / "two.mkv", tmp_path / "page.html")
    ran = run("compare", film, *files)
    assert ran.status == 2
    assert "different frames" in ran.err


@pytest.mark.parametrize("missing", ["page", "results"])
def test_source_results_and_page_must_be_named(run, film, tmp_path, missing):
    files = (film, film) if missing == "page" else (film, tmp_path / "page.html")
    ran = run("compare", *files)
    assert ran.status == 2
    assert ".html" in ran.err
