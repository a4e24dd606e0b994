"""What a test may need and not find: MNIST and Chromium."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder with MNIST's four files, or one above it."""
    named = os.environ.get("GECO_VIZ_DATA")
    if not named:
        pytest.skip("MNIST not found: set GECO_VIZ_DATA to the folder that holds its files")
    root = Path(named)
    if not any(root.rglob("*images*ubyte*")):
        pytest.skip(f"no MNIST files under GECO_VIZ_DATA={named}")
    return root


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, for the browser tests."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("Chromium not found: install it to run the browser tests")
    return found
