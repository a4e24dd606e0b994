"""Downloads: mirrors tried in turn, a checksum, a progress bar, and nothing half-written."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["cache_folder", "download", "reachable"]

_CONNECT, _READ = 3.0, 20.0  # seconds


def cache_folder() -> Path:
    """The folder in which downloads are kept: GECO_VIZ_CACHE, else the operating system's."""
    import pooch

    return Path(os.environ.get("GECO_VIZ_CACHE") or pooch.os_cache("geco_viz"))


def download(name: str, mirrors: Sequence[str], known_hash: str, folder: Path) -> Path:
    """Fetch the file `name` from the first mirror that has it, or find it in `folder`.

    The file appears in `folder` only once it is whole and its checksum is right.

    Args:
        name: the file's name, added to each mirror's address.
        mirrors: addresses that end in a slash.
        known_hash: "md5:..." or "sha256:..." of the file as it is served.
        folder: where to keep it; made if missing.

    Raises:
        ConnectionError: no mirror gave the file; the message has every mirror's reason.
        OSError: `folder` cannot be written.
    """
    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel("WARNING")  # the progress bar says what is going on
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    reasons = []
    for mirror in mirrors:
        fetch = pooch.HTTPDownloader(progressbar=True, timeout=(_CONNECT, _READ))
        try:
            return Path(
                pooch.retrieve(mirror + name, known_hash, fname=name, path=folder, downloader=fetch)
            )
        except RequestException as error:  # an OSError too, hence caught first
            reasons.append(f"{mirror}: {_reason(error)}")
        except ValueError:
            reasons.append(f"{mirror}: it serves another file (wrong checksum)")
        except OSError as error:
            raise _unwritable(folder, error) from error
    raise ConnectionError(f"could not download {name}: " + "; ".join(reasons))


def reachable(mirrors: Sequence[str], within: float = 2.0) -> bool:
    """Whether any mirror answers within that many seconds, name look-up and proxies included."""
    import requests

    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(mirror: str) -> None:
        try:
            requests.head(mirror, timeout=within)
        except requests.RequestException:
            answers.put(False)
        else:
            answers.put(True)

    # A name look-up has no timeout of its own, hence daemon threads that can be left behind.
    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    end = time.monotonic() + within
    try:
        return any(answers.get(timeout=max(0.0, end - time.monotonic())) for _ in mirrors)
    except queue.Empty:
        return False


def _unwritable(folder: Path, error: OSError) -> OSError:
    return OSError(
        f"cannot write the cache folder {folder} ({error.strerror or error}); "
        "set GECO_VIZ_CACHE to a folder that can be written"
    )


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"status {response.status_code}" if response is not None else type(error).__name__
