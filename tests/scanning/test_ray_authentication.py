"""A Ray of our own listens to the network: who has its token comes in, who has another does not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

OURS = """
import os, subprocess, sys
from corrie.scanning.ray_executor import LOCAL, _Connection

def comes(address, token):
    command = [sys.executable, "-c", sys.argv[1], address]
    asked = {**os.environ, "RAY_AUTH_TOKEN": token}
    return subprocess.run(command, env=asked, stdout=subprocess.PIPE, text=True).stdout

with _Connection(LOCAL, 1) as ray:
    address = ray.get_runtime_context().gcs_address
    print(comes(address, os.environ["RAY_AUTH_TOKEN"]).strip(), comes(address, "00" * 32).strip())
"""

OTHER = """
import sys, ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
    print("in")
except ConnectionError:
    print("out")
"""


@pytest.mark.real
@pytest.mark.timeout(300)
def test_who_has_the_token_comes_in_and_nobody_else() -> None:
    pytest.importorskip("ray")
    fresh = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}  # of no Ray before
    found = subprocess.run([sys.executable, "-c", OURS, OTHER], capture_output=True, text=True, check=False, env=fresh)
    assert found.stdout.split() == ["in", "out"], found.stderr
