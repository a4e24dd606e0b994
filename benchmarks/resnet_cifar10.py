"""How many of CIFAR-10's test images the ResNet that FRE looks through gets right.

    python benchmarks/resnet_cifar10.py [--root FOLDER] [--epochs N] [--seed 0] [--quick]

Trains it anew on what there is of CIFAR-10 (a part of it is enough) and prints how many images
that was, the share of the test images classified rightly, and the CPU seconds it took.
"""

from __future__ import annotations

import argparse
import sys
import time

import torch

import geco_viz as gv
from geco_viz.models.classifier import train_resnet


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--root", help="folder with CIFAR-10's archive, else GECO_VIZ_DATA")
    arguments.add_argument("--epochs", type=int, help="else as FRE's are")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(epochs=1)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    train, test = (
        gv.data.load("cifar10", split=split, root=options.root, partial=True)
        for split in ("train", "test")
    )
    few = slice(500 if options.quick else None)
    before = time.process_time()
    network = train_resnet(
        train.x[few], train.y[few], test.x[few], test.y[few], options.epochs, options.seed
    )
    seconds = time.process_time() - before
    print(
        f"{int(network.count)} training images; of {len(test.x[few])} test images "
        f"classified rightly {float(network.accuracy):.1%}; {seconds:.0f} CPU s"
    )


if __name__ == "__main__":
    main()
