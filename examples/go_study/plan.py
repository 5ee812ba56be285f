"""What is run, most telling first: size:recipe:seed. A run that is cut short has done the first of it.

The two smallest sizes with every recipe and three seeds, the two largest with AdamW, GO and SAM; AdamW at several
lengths of training, because a radius means something beside the loss that it was bought with.
"""

from __future__ import annotations

MAIN = ("adamw", "go-0.04", "sam", "go-0.08", "go-0.02", "dropout")
SHORTER = ("adamw-t0.5", "adamw-t0.25")
SCALED = ("adamw-x3", "go-0.08-x3", "adamw-x8", "go-0.12-x8")
LONGER = (
    "adamw-t2",
    "adamw-t4",
    "adamw-t10",
    "go-0.24-x3-t10",
    "adamw-x3-t2",
    "sam-t10",
    "go-0.08-t10",
    "go-0.16-t10",
    "go-0.32-t10",
    "go-0.12-x3-t4",
    "go-0.08-t4",
    "go-0.04-t4",
    "go-0.24-x3-t10-mixed",
    "go-0.17-x3-t10",
    "go-0.24-x3-t10-fade",
    "go-0.24-x3-t10-late",
    "go-0.24-x3-t10-pairs",
    "go-default-t10",
)
TRIED = (
    "go-0.08-x3-pairs",
    "local-0.04",
    "go-0.04-late",
    "go-0.04-fade",
    "go-0.08-fade",
    "go-0.16-fade",
    "go-0.04-pairs",
    "go-0.04-fast",
    "adamw-fast",
    "go-0.04-mixed",
    "go-0.08-mixed",
    "go-0.16-mixed",
    "go-0.04-matrices",
    "go-relative",
    "go-default",
    "go-0.02-flat",
    "go-0.1-relative",
    "asam",
    "ivon",
    "decay",
)
DEFAULTS = ("go-default", "go-0.02-flat", "go-0.1-relative")
GPU_PLAN = [f"{size}:{recipe}:0" for size in ("30M", "124M") for recipe in MAIN[:3]]

PLAN = [
    *(f"{size}:{recipe}:0" for size in ("0.17M", "0.7M", "2.6M", "8.3M") for recipe in MAIN[:3]),
    *(f"0.17M:{recipe}:0" for recipe in (*MAIN[3:], *SCALED, *SHORTER)),
    *(f"0.17M:{recipe}:0" for recipe in LONGER),
    *(f"{size}:{recipe}:0" for size in ("0.7M", "2.6M") for recipe in SHORTER),
    *(f"0.7M:{recipe}:0" for recipe in MAIN[3:]),
    *(f"{size}:{recipe}:{seed}" for size in ("0.17M", "0.7M") for seed in (1, 2) for recipe in MAIN),
    *(f"0.17M:{recipe}:0" for recipe in TRIED),
    *(
        f"0.17M:{recipe}:{seed}"
        for seed in (1, 2)
        for recipe in ("adamw-t2", "go-0.24-x3-t10", "go-0.24-x3-t10-pairs", "sam-t10")
    ),
    *(f"0.17M:{recipe}:{seed}" for seed in (1, 2) for recipe in DEFAULTS),
    *(f"0.7M:{recipe}:{seed}" for seed in (0, 1, 2) for recipe in DEFAULTS[:1]),
    "0.17M:go-0.2-x3-t10-pairs:2",
    "0.7M:adamw-t2:0",
    *(f"2.6M:{recipe}:0" for recipe in ("go-0.02", "go-0.08", "go-default")),
    *(f"2.6M:{recipe}:1" for recipe in MAIN[:3]),
    *(f"8.3M:{recipe}:0" for recipe in (*SHORTER, "go-default")),
]
