"""How to read a report: what its words mean, and what it does not claim."""

from __future__ import annotations

from corrie.analysis.landscape import Landscape
from corrie.reporting.markup import Markup, join, tag

ENTRIES = (
    (
        "Basin radius",
        "The largest σ up to which the mean score over random directions keeps the stated share of what the unmoved "
        "model has above chance. Its interval is over the draw of directions and of examples; its ends are steps that "
        "were tried.",
    ),
    (
        "Edge",
        "Where the line of one direction leaves the plateau. Edges scatter more than the radius is uncertain: they are "
        "not its interval.",
    ),
    (
        "Score and loss",
        "A score is the share of examples that come out right; an answer can stay right while its likelihood falls. "
        "The loss is the mean negative log-likelihood of the right answer, in nats per token.",
    ),
    (
        "Collapsed",
        "Output that is empty, not text, or endless repetition: kept apart from wrong answers and from unsafe ones.",
    ),
    (
        "What is not claimed",
        "These are measurements along random directions. They promise nothing about the worst direction, nor about the "
        "direction in which a fine-tune moves.",
    ),
)


def reading(landscape: Landscape) -> Markup:
    """The section."""
    model = landscape.model
    if landscape.is_raw:
        unit = (
            "Along a raw Gaussian direction the step α is the standard deviation σ of independent noise on every "
            f"weight. The L2 distance is σ√d with d = {model.dimension:,}; a typical weight has the size "
            f"‖θ₀‖/√d = {model.rms:.3g}."
        )
    elif landscape.is_path:
        unit = (
            "The directions are paths: α = 0 is the unmoved model, α = 1 where each of them leads (a tuned, adapted, "
            "rounded or saved change of the weights), beyond is extrapolation. α is no noise level, and no radius in σ "
            "is given."
        )
    else:
        unit = "The directions are normalised: the step α is no noise level, and no radius in σ is given."
    entries = (("The step: α, σ, L2", unit), *ENTRIES)
    rows = (join(tag("dt", term), tag("dd", text)) for term, text in entries)
    return join(tag("h2", "How to read this"), tag("dl", *rows, class_="reading"))
