"""Where rooms can be built: `make` installs bubblewrap where it may; elsewhere these tests have nothing to test."""

from __future__ import annotations

import subprocess

import pytest


def _built() -> bool:
    try:
        return subprocess.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], timeout=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


needs_rooms = pytest.mark.skipif(not _built(), reason="bubblewrap is missing or may build no room here")
