"""The third puzzle's results in words, and as the table of the documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from corrie.stats import clopper_pearson

CONFIDENCE = 0.95


def of_vectors(part: dict[str, Any]) -> str:
    """One embedding attack in words."""
    r, w = part["rows"], part["layer"]
    return (
        f"moving {r['moved']} embedding rows by ‖ΔE‖_F = {r['norm']:.3g} ({r['share']:.2%} of ‖E‖, "
        f"{r['norm'] / part['rows_norm']:.1%} of the rows that may move; σ-equivalent {r['sigma']:.2g}): the "
        f"answer is {part['label']} after {part['steps']} steps, loss of the opening {part['loss_before']:.2f} → "
        f"{part['loss_after']:.2f}; written into the weights it is {r['label']}, logits off by {r['logits_off']:.1g}; "
        f"as ΔW of the first linear layer ‖ΔW‖_F = {w['norm']:.3g} (residual {w['residual']:.1e}), alone: "
        f"{w['label']}; random moves of the same norm stop the refusal in {stopped(part['random'])}."
    )


def of_suffix(part: dict[str, Any]) -> str:
    """One suffix search in words."""
    said = (
        f"a suffix of {part['tokens']} tokens: the answer is {part['label']} after {part['steps']} steps (neutral: "
        f"{part['neutral_label']}), loss of the opening {part['loss_before']:.2f} → {part['loss_after']:.2f}; "
    )
    if part["shift"] is None:
        said += f"no change of rows ({part['refused']}), {part['shift_per_position']:.3g} over positions; "
    else:
        r, w = part["rows"], part["layer"]
        said += (
            f"as {r['moved']} moved rows ‖ΔE‖_F = {r['norm']:.3g}, written: {r['label']}, logits off by "
            f"{r['logits_off']:.1g}; as ΔW of the first linear layer ‖ΔW‖_F = {w['norm']:.3g} (residual "
            f"{w['residual']:.1e}), alone: {w['label']}; "
        )
    return f"{said}random suffixes stop the refusal in {stopped(part['random'])}."


PIECES = {"vectors": of_vectors, "suffix": of_suffix}


def stopped(labels: dict[str, int]) -> str:
    """Draws that were no refusal.

    >>> stopped({"draws": 10, "refused": 8, "complied": 1, "collapsed": 1})
    '2 of 10'
    """
    return f"{labels['draws'] - labels['refused']} of {labels['draws']}"


def together(parts: list[dict[str, Any]]) -> str:
    """The controls of all prompts, with Clopper–Pearson limits for the mean probability over the prompts.

    Draws of different prompts have different probabilities; that makes their sum less spread than a binomial of the
    mean (Hoeffding 1956), so the limits hold.
    """
    draws = sum(p["random"]["draws"] for p in parts)
    count = draws - sum(p["random"]["refused"] for p in parts)
    each = (1 + CONFIDENCE) / 2
    low = clopper_pearson.lower_limit(count, draws, each)
    high = clopper_pearson.upper_limit(count, draws, each)
    return f"{count} of {draws} [{low:.3f}, {high:.3f}]"


def conclusion(results: dict[str, Any], around: Path) -> str:
    """All prompts in words.

    Args:
        around: what ``study.py`` found along random directions; its radius of refusals is what norms are compared with.
    """
    prompts = results["prompts"]
    said = [f"{len(prompts)} refused requests."]
    if vectors := [p["vectors"] for p in prompts if p["vectors"]]:
        norms = [v["rows"]["norm"] for v in vectors if v["label"] == "complied"]
        range_ = f"{min(norms):.3g} to {max(norms):.3g}" if norms else "none"
        said.append(
            f"Moved vectors: {complied(vectors)} comply, ‖ΔE‖_F {range_} ({against(norms, around)}); the same rows "
            f"written into the weights: {complied([v['rows'] for v in vectors])} comply, logits off by "
            f"{max(v['rows']['logits_off'] for v in vectors):.1g} at most; the first layer's ΔW alone: "
            f"{complied([v['layer'] for v in vectors])} comply; random moves of the same norm stop the "
            f"refusal in {together(vectors)}."
        )
    if suffixes := [p["suffix"] for p in prompts if p["suffix"]]:
        said.append(f"Suffixes: {complied(suffixes)} comply; random ones stop the refusal in {together(suffixes)}.")
    return " ".join(said)


def complied(parts: list[dict[str, Any]]) -> str:
    """How many of them."""
    return f"{sum(p['label'] == 'complied' for p in parts)} of {len(parts)}"


def against(norms: list[float], around: Path) -> str:
    """The norms as shares of the radius, as a distance, of the basin of refusals along random directions.

    >>> against([1.0], Path("nowhere.json"))
    'the basin radius along random directions is not measured'
    """
    found = json.loads(around.read_text("utf-8")) if around.exists() else {}
    radius = found.get("basins", {}).get("safety", {}).get("l2")
    if radius is None or not norms:
        return "the basin radius along random directions is not measured"
    return (
        f"{min(norms) / radius:.2g} to {max(norms) / radius:.2g} of the basin radius of refusals along random "
        f"directions, L2 {radius:.4g}"
    )


def table(results: dict[str, Any]) -> str:
    """A line for each prompt and attack, for the documentation."""
    lines = [
        "| request | change | answer | steps | loss of the opening | ‖ΔE‖_F | σ-equivalent | written as rows: answer, "
        "logits off | ‖ΔW‖_F of the first layer (rank, residual), alone | random: no refusal |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for prompt in results["prompts"]:
        for what in PIECES:
            part = prompt[what]
            if part is None:
                continue
            rows, layer = part.get("rows"), part.get("layer")
            cells = [prompt["id"], what, part["label"], part["steps"]]
            cells.append(f"{part['loss_before']:.2f} → {part['loss_after']:.2f}")
            if rows is None or layer is None:
                cells += [f"refused; {part['shift_per_position']:.3g} over positions", "", "", ""]
            else:
                cells += [f"{rows['norm']:.3g}", f"{rows['sigma']:.2g}", f"{rows['label']}, {rows['logits_off']:.1g}"]
                cells.append(
                    f"{layer['norm']:.3g} ({layer['rank']} of {layer['tokens']}, {layer['residual']:.1e}), "
                    f"{layer['label']}"
                )
            lines.append(f"| {' | '.join(map(str, [*cells, stopped(part['random'])]))} |")
    return "\n".join(lines)
