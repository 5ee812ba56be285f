"""The Triton kernels without a graphics processor: run by Triton's interpreter, and compiled for two that exist."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(find_spec("triton") is None, reason="Triton is made for Linux alone"),
]

_INTERPRET = """
import torch
from corrie.weights import device_noise, triton_kernel
from corrie.weights.laying import Piece, lay
from corrie.weights.noise import plain_noise

cpu = torch.device("cpu")
assert device_noise.agrees(triton_kernel, cpu)
for start, size in ((0, 1), (1, 1), (3, 2), (5, 1024), (2**33 + 2, 1025)):
    told = plain_noise(9, "w", size, start)
    assert device_noise._drawn(triton_kernel, 9, "w", size, start, cpu).numpy().tobytes() == told.tobytes()
for dtype, start in ((torch.float32, 0), (torch.bfloat16, 2047), (torch.float16, 2**33 + 2)):
    delta = torch.from_numpy(plain_noise(9, "w", 1500, start)).reshape(3, 500)
    base = torch.randn((3, 500), generator=torch.Generator().manual_seed(0)).to(dtype)
    base[0, :4] = torch.tensor([float("inf"), -float("inf"), float("nan"), 0.0])
    one, two = torch.zeros_like(base), torch.zeros_like(base)
    lay([Piece(one, base, (delta,))], [0.31])
    device_noise._laid(triton_kernel, two, base, 9, "w", 0.31, start)
    assert torch.equal(one[0, :2], two[0, :2]) and bool(two[0, 2].isnan())
    assert torch.equal(one.view(-1)[3:], two.view(-1)[3:]), dtype
print("the law's numbers")
"""

_COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from corrie.weights import triton_kernel as kernels

common = {"size": "i32", "terms": "*i64", "law": "*fp64", "COUNTERS": "constexpr"}
for fn, own in (
    (kernels._draw, {"out": "*fp32"}),
    (kernels._lay, {"live": "*bf16", "base": "*bf16", "alpha": "*fp32", "sums": "*fp32"}),
):
    for architecture in (80, 90):
        source = ASTSource(fn=fn, signature={**own, **common}, constexprs={"COUNTERS": kernels._COUNTERS})
        made = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options={"enable_fp_fusion": False})
        text = made.asm["ptx"]
        assert "div.rn.f64" in text and "sqrt.rn.f64" in text
        assert "fma." not in text, "a product and a sum were contracted"
print("nothing contracted")
"""


def _run(text: str, **variables: str) -> str:
    """In a process of its own: Triton reads its variables when it is first imported."""
    environment = {**os.environ, **variables}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_interpreter_gives_the_laws_numbers() -> None:
    assert _run(_INTERPRET, TRITON_INTERPRET="1") == "the law's numbers\n"


def test_compiled_for_an_a100_and_an_h100_nothing_is_contracted() -> None:
    assert _run(_COMPILE) == "nothing contracted\n"
