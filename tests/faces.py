"""CelebA's layout with images made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geco_viz.data import celeba


def faces(folder: Path, count: int = 5) -> Path:
    from PIL import Image

    (folder / celeba.FOLDER).mkdir(parents=True)
    lines = []
    for k in range(count):
        name = f"{k + 1:06d}.jpg"
        # Grey outside the central 148 pixels; inside, a left half and a right half of two reds.
        pixels = np.full((218, 178, 3), 128, np.uint8)
        pixels[35:183, 15:163] = (min(20 * k, 255), 0, 0)
        pixels[35:183, 89:163] = (255, 0, 0)
        Image.fromarray(pixels).save(folder / celeba.FOLDER / name, quality=95, subsampling=0)
        lines.append(f"{name} {(0, 0, 0, 1, 2)[k % 5]}")
    (folder / celeba.PARTITION).write_text("\n".join(lines) + "\n")
    return folder
