"""Networks that constraints look through: trained on first use and kept in the cache folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from geco_viz._files import write_whole
from geco_viz.data.download import cache_folder
from geco_viz.models.classifier import RECIPE, Classifier, ResNet, train, train_resnet

__all__ = ["classifier_for", "fingerprint", "kept", "resnet"]

M = TypeVar("M", bound=nn.Module)
_known: dict[str, nn.Module] = {}  # of this process


def fingerprint(*tensors: Tensor) -> str:
    """A name for the values and shapes of tensors."""
    digest = hashlib.blake2b(digest_size=12)
    for tensor in tensors:
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def classifier_for(x: Tensor, y: Tensor) -> Classifier:
    """A frozen classifier trained on these images and labels, from the cache where it has been.

    Args:
        x: (n, C, H, W) in [0, 1].
        y: (n,) labels, whole numbers from 0.

    Raises:
        ValueError: negative labels, or images of another shape.

    Example:
        >>> x = torch.zeros(2, 1, 8, 8)
        >>> x[1] = 1
        >>> classifier = classifier_for(x, torch.tensor([3, 5]))
        >>> classifier(x).argmax(1).tolist()
        [3, 5]
    """

    def make() -> Classifier:
        return train(x, y)

    def shell() -> Classifier:
        return Classifier(x.shape[1:], int(y.max()) + 1)

    return kept(f"classifier-{RECIPE}-{fingerprint(x, y)}", make, shell).to(x.device)


def resnet() -> ResNet:
    """The frozen ResNet of `FRE(features="resnet")`, trained on CIFAR-10 on first use: minutes.

    Where only a part of CIFAR-10 is at hand it is trained on that; `.count` says on how many
    images, `.accuracy` how many of the test images it gets right.

    Raises:
        FileNotFoundError, ConnectionError: CIFAR-10 is not at hand and cannot be downloaded.
    """

    def make() -> ResNet:
        from geco_viz.data import load

        train_set = load("cifar10", partial=True)
        test_set = load("cifar10", split="test", partial=True)
        assert train_set.y is not None and test_set.y is not None
        return train_resnet(train_set.x, train_set.y, test_set.x, test_set.y)

    return kept(f"resnet-{RECIPE}-cifar10", make, ResNet)


def kept(name: str, make: Callable[[], M], shell: Callable[[], M]) -> M:
    """A trained module by name: of this process, of the cache folder, or made now and put there.

    Args:
        name: of the file, without its ending; it names what the weights depend on.
        make: trains a module.
        shell: the same module, untrained, for weights that were kept.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if name not in _known:
        file = _folder() / f"{name}.safetensors"
        try:
            weights = load_file(file)
            with torch.random.fork_rng(devices=[]):  # untrained weights are drawn too
                module = shell()
            module.load_state_dict(weights)
        except (OSError, SafetensorError, RuntimeError):  # not there, cut off or of another shape
            module = make()
            _keep(module, file)
        _known[name] = module.eval().requires_grad_(False)
    return _known[name]  # type: ignore[return-value]  # whoever asked for this name made it


def _folder() -> Path:
    return cache_folder() / "networks"


def _keep(module: nn.Module, file: Path) -> None:
    """Write the weights whole or not at all; a folder that cannot be written only costs time."""
    from safetensors.torch import save

    weights = {k: v.detach().cpu().contiguous() for k, v in module.state_dict().items()}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, save(weights))
    except OSError:
        return
