"""MNIST's files: where they are found, how they are judged, and downloads without a network."""

from __future__ import annotations

import gzip
import hashlib
import inspect
import socket
import struct
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from geco_viz import data
from geco_viz.data import mnist
from geco_viz.data.download import download, reachable
from geco_viz.data.idx import parse_idx, read_bytes

STEMS = {split: [file.stem for file in files] for split, files in mnist._FILES.items()}
NOWHERE = ("http://127.0.0.1:9/",)  # the discard port: nobody listens


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 28, 28))
LABELS = np.arange(20) % 10


def write(folder: Path, packed: bool = True, split: str = "test") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, array in zip(STEMS[split], (IMAGES, LABELS), strict=True):
        content = idx(array)
        path = folder / (f"{stem}.gz" if packed else stem)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no GECO_VIZ_DATA and no network: returns the cache folder."""
    monkeypatch.delenv("GECO_VIZ_DATA", raising=False)
    monkeypatch.setenv("GECO_VIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "MIRRORS", NOWHERE)
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A mirror on this machine: its address and the folder that it serves."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/", folder
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "mnist", "MNIST/raw"])
def test_files_are_found_and_other_contents_are_named(
    tmp_path: Path, below: str, packed: bool
) -> None:
    write(tmp_path / "data" / below, packed)
    found = data.load("mnist", "test", root=tmp_path / "data")
    assert torch.equal(found.x, torch.from_numpy(IMAGES / 255).float()[:, None])
    assert found.y is not None and found.y.tolist() == LABELS.tolist()
    assert "are not MNIST's own" in found.note


def test_geco_viz_data_is_read_and_a_relative_root_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "data")
    monkeypatch.setenv("GECO_VIZ_DATA", str(tmp_path / "data"))
    assert len(data.load("mnist", "test")) == 20
    assert "root" not in data.load("mnist", "test").info
    monkeypatch.chdir(tmp_path)
    info = data.load("mnist", "test", root="data").info
    assert info["root"] == str(tmp_path / "data")


def test_the_dotted_names_of_the_first_publication(tmp_path: Path) -> None:
    write(tmp_path, packed=False)
    for stem in STEMS["test"]:
        (tmp_path / stem).rename(tmp_path / stem.replace("-idx", ".idx"))
    assert len(data.load("mnist", "test", root=tmp_path)) == 20


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"root=.* must hold MNIST's files: no t10k-images"):
        data.load("micro-mnist", root=tmp_path)
    write(tmp_path)
    (tmp_path / f"{STEMS['test'][1]}.gz").unlink()
    with pytest.raises(FileNotFoundError, match="lacks t10k-labels"):
        data.load("micro-mnist", root=tmp_path)


GOOD = idx(IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (GOOD[:10], "truncated: it ends within its header"),
        (GOOD[:-5], "truncated: its header .* promises 15680 bytes, it holds 15675"),
        (GOOD + b"more", "too long"),
        (idx(LABELS), r"3 dimensions \(magic number 00000803\), got 00000801"),
        (b"<html>not found</html>", "got 3c68746d"),
        (gzip.compress(GOOD, mtime=0)[:-100], "damaged gzip archive"),
        (gzip.compress(GOOD, mtime=0)[:10] + b"\xff" * 90, "damaged gzip archive"),
        (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "damaged gzip archive"),
        (idx(IMAGES[:, :27]), r"28x28 pixels, got shape \(20, 27, 28\)"),
        (idx(IMAGES[:6]), "at least 7 images"),
        (idx(IMAGES[:19]), "must hold 19 labels from 0 to 9, got 20 up to 9"),
    ],
)
def test_bad_image_files(tmp_path: Path, content: bytes, message: str) -> None:
    write(tmp_path)
    path = tmp_path / f"{STEMS['test'][0]}.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        data.load("mnist", "test", root=tmp_path)
    assert str(tmp_path) in str(caught.value)  # the file is named


def test_labels_above_nine(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / f"{STEMS['test'][1]}.gz").write_bytes(idx(LABELS + 1))
    with pytest.raises(ValueError, match="labels from 0 to 9, got 20 up to 10"):
        data.load("mnist", "test", root=tmp_path)


def test_idx_round_trip(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(GOOD))
    assert (parse_idx(read_bytes(tmp_path / "a"), 3) == IMAGES).all()


def test_without_files_and_network_mnist_says_what_to_do(alone: Path) -> None:
    with pytest.raises(ConnectionError) as caught:
        data.load("mnist")
    for word in ("root=", "GECO_VIZ_DATA", 'data="digits"', NOWHERE[0], "ConnectionError"):
        assert word in str(caught.value)
    assert not alone.exists() or not list(alone.iterdir())


def test_explore_falls_back_to_digits_when_nobody_listens() -> None:
    found = data.micro_or_digits(draw=1)
    assert found.name == "digits" and "MNIST was not found" in found.note
    assert torch.equal(found.x, data.load("digits", draw=1).x)


def test_explore_falls_back_to_digits_when_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, never answers
        monkeypatch.setattr(mnist, "MIRRORS", (f"http://127.0.0.1:{silent.getsockname()[1]}/",))
        assert data.micro_or_digits().name == "digits"
    # The wait itself, of the three seconds that a person is to wait at most.
    assert inspect.signature(reachable).parameters["within"].default <= 2.5


def test_explore_prefers_files_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    assert data.micro_or_digits(root=tmp_path).name == "micro-mnist"
    monkeypatch.setenv("GECO_VIZ_DATA", str(tmp_path))
    assert data.micro_or_digits().name == "micro-mnist"
    with pytest.raises(FileNotFoundError):
        data.micro_or_digits(root=tmp_path / "elsewhere")


def publish(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve 20 images as if they were MNIST's published test set."""
    write(folder)

    def known(stem: str) -> mnist._File:
        packed = (folder / f"{stem}.gz").read_bytes()
        sums = [hashlib.md5(b).hexdigest() for b in (packed, gzip.decompress(packed))]
        return mnist._File(stem, *sums)

    files = tuple(known(stem) for stem in STEMS["test"])
    monkeypatch.setattr(mnist, "_FILES", mnist._FILES | {"test": files})


def test_a_download_is_cached_and_the_next_mirror_is_tried(
    server: tuple[str, Path],
    alone: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, folder = server
    publish(folder, monkeypatch)
    assert not mnist.at_hand()
    monkeypatch.setattr(mnist, "MIRRORS", (*NOWHERE, f"{address}gone/", address))
    found = data.micro_or_digits()
    assert found.name == "micro-mnist" and found.note == ""
    assert "100%" in capsys.readouterr().err  # the progress bar
    assert sorted(path.name for path in alone.iterdir()) == [f"{s}.gz" for s in STEMS["test"]]
    monkeypatch.setattr(mnist, "MIRRORS", NOWHERE)
    assert mnist.at_hand()
    assert torch.equal(data.load("micro-mnist").x, found.x)


@pytest.mark.parametrize("served", [b"<html>please log in</html>", b""])
def test_a_wrong_file_from_a_mirror_is_not_kept(
    server: tuple[str, Path], alone: Path, monkeypatch: pytest.MonkeyPatch, served: bytes
) -> None:
    address, folder = server
    publish(folder, monkeypatch)
    (folder / f"{STEMS['test'][0]}.gz").write_bytes(served)
    monkeypatch.setattr(mnist, "MIRRORS", (address,))
    with pytest.raises(ConnectionError, match="wrong checksum"):
        data.load("mnist", "test")
    assert list(alone.iterdir()) == []
    assert data.micro_or_digits().name == "digits"


def test_a_damaged_file_in_the_cache_is_fetched_again(
    server: tuple[str, Path], alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    publish(folder, monkeypatch)
    monkeypatch.setattr(mnist, "MIRRORS", (address,))
    alone.mkdir(parents=True)
    (alone / f"{STEMS['test'][0]}.gz").write_bytes(b"half")
    assert len(data.load("mnist", "test")) == 20


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GECO_VIZ_CACHE", str(tmp_path / "file"))
    with pytest.raises(OSError, match=r"cannot write the cache folder .*set GECO_VIZ_CACHE"):
        data.load("mnist")
    monkeypatch.setattr("geco_viz.data.reachable", lambda _: True)
    found = data.micro_or_digits()
    assert found.name == "digits" and "cannot write the cache folder" in found.note


def test_reachable(server: tuple[str, Path]) -> None:
    assert reachable([*NOWHERE, server[0]])
    assert not reachable(NOWHERE)


def test_a_name_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    ended = threading.Event()
    monkeypatch.setattr("requests.head", lambda *_, **__: over.wait(60) and ended.set())
    assert not reachable(NOWHERE, within=0.2)
    assert not ended.is_set()  # it came back before the look-up did
    over.set()


def test_download_reports_every_mirror(server: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match=r"127.0.0.1:9/: ConnectionError; .*: status 404"):
        download("nothing", [*NOWHERE, server[0]], "md5:0", tmp_path / "kept")
