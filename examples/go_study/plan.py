"""What is run, most telling first: size:recipe:seed. A run that is cut short has done the first of it.

The two smallest sizes with every recipe and three seeds, the two largest with AdamW, GO and SAM.
"""

from __future__ import annotations

MAIN = ("adamw", "go-0.04", "sam", "go-0.08", "go-0.02", "dropout")
SCALED = ("adamw-x3", "go-0.08-x3", "adamw-x8", "go-0.12-x8")
TRIED = (
    "go-0.08-x3-pairs",
    "local-0.04",
    "go-0.04-late",
    "go-0.04-pairs",
    "go-0.04-fast",
    "go-0.04-matrices",
    "go-relative",
    "asam",
    "decay",
)
LONGER = ("adamw-longer", "go-0.04-longer")
GPU_PLAN = [f"{size}:{recipe}:0" for size in ("30M", "124M") for recipe in MAIN[:3]]

PLAN = [
    *(f"0.17M:{recipe}:0" for recipe in (*MAIN[:3], SCALED[0])),
    *(f"{size}:{recipe}:0" for size in ("0.7M", "2.6M", "8.3M") for recipe in MAIN[:3]),
    *(f"0.17M:{recipe}:0" for recipe in (*MAIN[3:], *SCALED[2:])),
    *(f"0.7M:{recipe}:0" for recipe in MAIN[3:]),
    *(f"0.17M:{recipe}:0" for recipe in LONGER),
    *(f"0.17M:{recipe}:{seed}" for seed in (1, 2) for recipe in MAIN),
    *(f"0.7M:{recipe}:{seed}" for seed in (1, 2) for recipe in MAIN),
    *(f"0.17M:{recipe}:0" for recipe in (SCALED[1], *TRIED)),
    *(f"0.7M:{recipe}:0" for recipe in SCALED),
]
