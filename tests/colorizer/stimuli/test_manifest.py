from pathlib import Path

from colorizer.stimuli.manifest import ManifestRow, Shard, clear_manifest, write_manifest

STIMULI = [
    ManifestRow(
        f'{number:02}, "ü"', method, f"{method}/{number:02}.png", "0" * 64, 8, 8, "test", ""
    )
    for number in range(10)
    for method in ("real", "l2", "foil")
]


def images(shard: Shard) -> list[ManifestRow]:
    names = sorted({stimulus.image for stimulus in STIMULI})
    return [stimulus for stimulus in STIMULI if stimulus.image in shard.select(names)]


def test_every_item_is_in_one_shard() -> None:
    for count in range(1, 8):
        shares = [Shard(number, count).select(range(5)) for number in range(1, count + 1)]
        assert sorted(item for share in shares for item in share) == list(range(5))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_last_shard_writes_the_same_manifest_as_one_process(tmp_path: Path) -> None:
    write_manifest(tmp_path / "alone", STIMULI, Shard())
    for number in (3, 1, 2):
        assert not (tmp_path / "shards" / "manifest.csv").exists()
        shard = Shard(number, 3)
        clear_manifest(tmp_path / "shards", shard)
        written = write_manifest(tmp_path / "shards", images(shard), shard)
    assert written == tmp_path / "shards" / "manifest.csv"
    alone = (tmp_path / "alone" / "manifest.csv").read_bytes()
    assert written.read_bytes() == alone
    assert alone.count(b"\n") == 1 + len(STIMULI)


def test_clearing_a_shard_deletes_the_manifest(tmp_path: Path) -> None:
    for number in (1, 2):
        write_manifest(tmp_path, images(Shard(number, 2)), Shard(number, 2))
    assert (tmp_path / "manifest.csv").exists()
    clear_manifest(tmp_path, Shard(2, 2))
    assert [path.name for path in tmp_path.iterdir()] == ["manifest-1-of-2.csv"]
