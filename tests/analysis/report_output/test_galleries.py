"""The galleries show the pairs that fooled most and least, with their images."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from analysis.inputs.responses import ResponsesError
from analysis.report_output.galleries import build_galleries, read_stimulus_files
from tests.reference.image_files import P3, build_profile


def make_report(count: int, reliability: float | None = 0.8) -> dict[str, Any]:
    """Make a report with `count` ranked pairs of MCL, highest rate first."""
    ranked = {"method": "mcl", "fooled": 1, "trials": 4, "ci95": (0.1, 0.6)}
    images = [{**ranked, "image": f"i{n}", "shrunk_rate": 0.5 - n / 100} for n in range(count)]
    return {"methods": {"mcl": {"ranking": {"reliability": reliability}}}, "images": images}


@pytest.mark.parametrize(("count", "shown"), [(20, 6), (5, 2), (2, 1)])
def test_a_pair_stands_in_one_row_only(count: int, shown: int) -> None:
    (gallery,) = build_galleries(make_report(count), {})
    most, least = ([pair.entry["image"] for pair in row.pairs] for row in gallery.rows)
    assert most == [f"i{n}" for n in range(shown)]
    assert least == [f"i{count - 1 - n}" for n in range(shown)]


@pytest.mark.parametrize("reliability", [None, 0.49])
@pytest.mark.parametrize("shrunk_rate", [None, 0.5])
def test_without_a_reliable_ranking_examples_are_shown_by_name(
    reliability: float | None, shrunk_rate: float | None
) -> None:
    report = make_report(8, reliability)
    report["images"] = [{**image, "shrunk_rate": shrunk_rate} for image in report["images"][::-1]]
    (gallery,) = build_galleries(report, {})
    (row,) = gallery.rows
    assert row.title == "Examples, not ranked"
    assert [pair.entry["image"] for pair in row.pairs] == [f"i{n}" for n in range(6)]
    assert row.tied == 0


def test_ties_at_the_end_of_a_row_are_counted() -> None:
    report = make_report(20)
    for entry in report["images"][3:12]:
        entry["shrunk_rate"] = 0.47
    (gallery,) = build_galleries(report, {})
    assert [row.tied for row in gallery.rows] == [9, 0]


def test_stimuli_are_embedded_as_thumbnails_if_given(tmp_path: Path) -> None:
    Image.new("RGB", (512, 512), "teal").save(tmp_path / "photo.png")
    rows = ["image,method,file", "i0,real,photo.png", "i0,mcl,photo.png", "i1,mcl,gone.png"]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (gallery,) = build_galleries(make_report(2), read_stimulus_files(tmp_path))
    (most,), (least,) = (row.pairs for row in gallery.rows)
    assert most.real_url is not None
    assert most.real_url.startswith("data:image/jpeg;base64,")
    assert len(most.real_url) < 10_000
    assert (least.real_url, least.fake_url) == (None, None)


def test_thumbnails_are_upright_and_in_srgb(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    profile = build_profile(P3, gamma=None)
    stored = Image.new("RGB", (64, 32), (160, 120, 90))
    stored.save(tmp_path / "photo.jpg", exif=turned, icc_profile=profile, quality=100)
    rows = ["image,method,file", "i0,real,photo.jpg", "i0,mcl,photo.jpg"]
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    (gallery,) = build_galleries(make_report(2), read_stimulus_files(tmp_path))
    url = gallery.rows[0].pairs[0].real_url
    assert url is not None
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as thumbnail:
        assert thumbnail.size == (32, 64)
        assert thumbnail.getpixel((16, 32)) == pytest.approx((166, 118, 84), abs=4)


@pytest.mark.parametrize("manifest", [None, "picture,path\na,b\n"])
def test_a_folder_without_a_manifest_is_refused(tmp_path: Path, manifest: str | None) -> None:
    if manifest is not None:
        (tmp_path / "manifest.csv").write_text(manifest)
    with pytest.raises(ResponsesError, match=r"manifest\.csv: "):
        read_stimulus_files(tmp_path)
