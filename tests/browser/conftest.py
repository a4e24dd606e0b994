"""Fixtures of the browser tests: one JupyterLab and one browser, a page for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lab import Lab, Server, browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def context(chromium: str) -> Iterator[Any]:
    with browser(chromium) as context:
        yield context


@pytest.fixture
def lab(server: Server, context: Any) -> Iterator[Lab]:
    page = context.new_page()
    yield Lab(page, server)
    page.close()
    server.shut_kernels()
