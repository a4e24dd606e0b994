"""CIFAR-10 and CelebA: on files that the tests write, and on a real archive where there is one."""

from __future__ import annotations

import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from faces import faces

from geco_viz import data
from geco_viz.data import celeba, cifar

RECORD = 3073


def batch(count: int, seed: int = 0) -> bytes:
    """Records whose label is their number modulo ten."""
    records = np.random.default_rng(seed).integers(0, 256, (count, RECORD), dtype=np.uint8)
    records[:, 0] = np.arange(count) % 10
    return records.tobytes()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 20 records instead of 10,000."""
    monkeypatch.setattr(cifar, "_WHOLE", 20)


def write(folder: Path, batches: int = 5) -> Path:
    inside = folder / cifar.FOLDER
    inside.mkdir(parents=True)
    for k in range(1, batches + 1):
        (inside / f"data_batch_{k}.bin").write_bytes(batch(20, k))
    (inside / "test_batch.bin").write_bytes(batch(20, 9))
    return folder


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.usefixtures("small")
def test_cifar_is_read_in_order(tmp_path: Path, packed: bool) -> None:
    write(tmp_path / "a")
    root = tmp_path / "a"
    if packed:
        root = tmp_path / "b"
        root.mkdir()
        with tarfile.open(root / cifar.ARCHIVE, "w:gz") as archive:
            # Backwards: the order inside the archive must not matter.
            for path in sorted((tmp_path / "a" / cifar.FOLDER).iterdir(), reverse=True):
                archive.add(path, f"{cifar.FOLDER}/{path.name}")
    found = data.load("cifar10", root=root)
    assert found.x.shape == (100, 3, 32, 32) and found.y is not None
    assert found.y.tolist() == list(range(10)) * 10
    assert found.note == ("cifar-10-binary.tar.gz is not the published archive" if packed else "")
    # The 27th image: red, green and blue planes, row by row
    record = np.frombuffer(batch(20, 2), np.uint8).reshape(20, RECORD)[6]
    assert float(found.x[26, 1, 3, 5]) == pytest.approx(record[1 + 1024 + 3 * 32 + 5] / 255)
    assert torch.equal(data.load(**found.info).x, found.x)
    assert len(data.load("cifar10", split="test", root=root)) == 20


@pytest.mark.usefixtures("small")
def test_half_a_cifar_needs_partial(tmp_path: Path) -> None:
    root = write(tmp_path, batches=2)
    with pytest.raises(FileNotFoundError, match=r"lacks data_batch_3.bin, .*partial=True takes"):
        data.load("cifar10", root=root)
    found = data.load("cifar10", root=root, partial=True)
    assert len(found) == 40 and found.note == "40 of CIFAR-10's 100 images"
    assert torch.equal(data.load(**found.info).x, found.x)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({b"data": b"", b"labels": []}, protocol=2), "is a pickle"),
        (batch(20)[:-1], "truncated, or not of CIFAR-10's binary version"),
        (b"", "must be records of 3073 bytes, got 0 bytes"),
        (bytes([10]) + batch(20)[1:], "labels from 0 to 9, got 10"),
        (batch(19), "must hold 100 images for 'train', got 99"),
    ],
)
def test_a_bad_batch_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    root = write(tmp_path)
    (root / cifar.FOLDER / "data_batch_4.bin").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        data.load("cifar10", root=root)


def test_the_python_version_is_refused_unread(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    for root in (tmp_path, folder):
        with pytest.raises(ValueError, match="whose pickles can run code"):
            data.load("cifar10", root=root)
    assert not (tmp_path / "ran").exists()


def test_cifar_archives_that_are_none(tmp_path: Path) -> None:
    (tmp_path / cifar.ARCHIVE).write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match="is a damaged archive"):
        data.load("cifar10", root=tmp_path)
    with pytest.raises(FileNotFoundError, match="must hold CIFAR-10's binary version"):
        data.load("cifar10", root=tmp_path / "nothing")
    with pytest.raises(TypeError, match="partial must be True or False, got 1"):
        data.load("cifar10", root=tmp_path, partial=1)


def test_a_real_archive_where_there_is_one() -> None:
    named = os.environ.get("GECO_VIZ_DATA")
    if not named or not list(Path(named).glob("cifar-10*.tar.gz")):
        pytest.skip("no CIFAR-10 archive in GECO_VIZ_DATA")
    found = data.load("cifar10", split="test", root=named)
    assert len(found) == 10000 and found.y is not None
    assert torch.bincount(found.y).tolist() == [1000] * 10
    # The channel means that CIFAR-10's training code normalises with are .491, .482, .447.
    means = found.x.mean((0, 2, 3))
    assert torch.allclose(means, torch.tensor([0.491, 0.482, 0.447]), atol=0.01)


# CelebA, on images that the tests write


def test_celeba_splits_crops_and_reduces(tmp_path: Path) -> None:
    root = faces(tmp_path)
    sizes = {split: len(data.load("celeba", split=split, root=root)) for split in celeba._SPLITS}
    assert sizes == {"train": 3, "valid": 1, "test": 1}
    found = data.load("celeba", root=root, size=8)
    assert found.shape == (3, 8, 8) and found.note == "" and found.context is None
    for k, image in enumerate(found.x):
        # JPEG at quality 95 is true to about 2 %, away from the edge in the middle
        assert torch.allclose(image[0, :, :3], torch.tensor(20 * k / 255), atol=0.03)
        assert torch.allclose(image[0, :, 5:], torch.tensor(1.0), atol=0.03)
        assert image[1:].max() < 0.06  # no grey: the crop is what the docstring says
    assert torch.equal(data.load(**found.info).x, found.x)
    wide = data.load("celeba", root=root, size=8, crop=178)
    assert wide.x[0, 1, :, 0].max() > 0.3  # now the margin shows


def test_celeba_takes_the_first_so_many(tmp_path: Path) -> None:
    found = data.load("celeba", root=faces(tmp_path), size=4, count=2)
    assert len(found) == 2 and found.note == "the first 2 of 3 images"
    inside = faces(tmp_path / "above" / "celeba")
    assert len(data.load("celeba", root=inside.parent, size=4)) == 3


def test_celeba_without_its_partition(tmp_path: Path) -> None:
    root = faces(tmp_path)
    (root / celeba.PARTITION).unlink()
    with pytest.raises(FileNotFoundError, match=r"but not list_eval_partition\.txt"):
        data.load("celeba", root=root)


def test_celeba_with_missing_or_odd_images(tmp_path: Path) -> None:
    from PIL import Image

    root = faces(tmp_path)
    image = root / celeba.FOLDER / "000002.jpg"
    Image.new("RGB", (64, 64)).save(image)
    with pytest.raises(ValueError, match="must be 178x218 pixels"):
        data.load("celeba", root=root)
    image.write_bytes(image.read_bytes()[:100])
    with pytest.raises(ValueError, match="is a damaged image"):
        data.load("celeba", root=root)
    image.unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks 1 of the 3 images .* 000002\.jpg first"):
        data.load("celeba", root=root)


@pytest.mark.parametrize("line", ["000001.jpg", "000001.jpg 3", "../secret.jpg 0", "a b 0"])
def test_celeba_refuses_another_partition_file(tmp_path: Path, line: str) -> None:
    root = faces(tmp_path)
    (root / celeba.PARTITION).write_text(f"000002.jpg 0\n{line}\n")
    with pytest.raises(ValueError, match=r"lines of an image's name and 0, 1 or 2, got .* line 2"):
        data.load("celeba", root=root)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 149}, "size must be a whole number >= 1 and <= 148, got 149"),
        ({"crop": 200}, "crop must be a whole number >= 1 and <= 178, got 200"),
        ({"count": 0}, "count must be a whole number >= 1, got 0"),
        ({"split": "val"}, "split must be one of .* did you mean 'valid'"),
    ],
)
def test_celeba_numbers(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.load("celeba", root=faces(tmp_path), **options)  # type: ignore[arg-type]
