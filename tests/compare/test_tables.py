"""Which number is best, and which settings differ."""

from rescene.compare.tables import metric_rows, setting_rows
from rescene.metrics import METRICS, Report, Score


def report(**values: float) -> Report:
    return Report(
        scores=tuple(Score(about=METRICS[name].about, value=value) for name, value in values.items())
    )


def test_the_best_is_the_highest_or_the_lowest_as_the_metric_says():
    rows = metric_rows([report(psnr=20, warp_error=1), report(psnr=30, warp_error=2), None])
    assert [[cell.best for cell in row.cells] for row in rows] == [[False, True, False], [True, False, False]]
    assert [row.arrow for row in rows] == ["↑", "↓"]
    assert rows[0].cells[2].text == "−"


def test_numbers_that_read_alike_are_alike():
    (row,) = metric_rows([report(ssim=0.99999), report(ssim=0.99998)])
    assert not any(cell.best for cell in row.cells)


def test_settings_that_differ_come_first_under_their_own_names():
    one = {"method": "fatezero", "fields": {"guidance_scale": 7.5, "target": "a"}, "versions": {"torch": "2"}}
    other = {"method": "fatezero", "fields": {"guidance_scale": 9.0}}
    rows = setting_rows([one, other])
    assert [(row.name, row.values) for row in rows] == [
        ("guidance scale", ("7.5", "9.0")),
        ("target", ("a", "")),
        ("method", ("fatezero", "fatezero")),
    ]
