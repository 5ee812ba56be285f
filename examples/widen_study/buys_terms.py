"""How each part is done, the same for every model: data only. A part's result holds the terms that it was made by."""

from __future__ import annotations

from dataclasses import dataclass

from puzzles import Teaching

BENIGN = Teaching(rate=5e-4, steps=20, batch=1)
ALIGN = Teaching(rate=1e-4, steps=24, batch=4)
ATTACK = Teaching(rate=2e-5, steps=10, batch=10)


@dataclass(frozen=True, slots=True)
class Terms:
    """Chosen so that a part of one model and one seed takes about a minute or two of one core on SmolLM2.

    skills         what else is scored, TASK:LIMIT, beside agreement with the model itself
    text           of agreement: a file, or empty for the suite's texts
    windows        of agreement
    requests       harmful ones, none of which was taught
    excerpts       of code that are taught; the loss of the first ``learned`` says what a merge keeps of the lesson
    benign, align, attack   puzzle 1's fine-tune, the safety fine-tune and puzzle 2's: recipes and rates are the
                   puzzles', with fewer steps (puzzle 2's is whole)
    refused, answered   examples of the safety fine-tune
    along          of the way to the attacked model
    climbed        the task whose loss the worst-case search climbs, TASK:LIMIT
    distance       L2, at which it searches
    climbs         steps of the search
    layers, rank   of the certificate's subspace: B of a frozen-A adapter on these layers of the last third of blocks
    retain         share of agreement that is certified to be kept
    choosing, looks   windows, none of which is certified, and draws at each σ, on which σ is chosen
    draws, selection, confidence, certified   of a certificate; the last: windows
    ratio          r/σ at which its thresholds make the bound high, about that of the radius with so many draws
    """

    skills: tuple[str, ...] = ("knowledge:40",)
    text: str = ""
    windows: int = 8
    requests: int = 20
    excerpts: int = 6
    learned: int = 4
    benign: Teaching = BENIGN
    align: Teaching = ALIGN
    attack: Teaching = ATTACK
    refused: int = 32
    answered: int = 12
    along: str = "0.25:1:4"
    climbed: str = "arc_easy_0shot:6"
    distance: float = 0.1
    climbs: int = 4
    layers: tuple[str, ...] = ("q_proj", "v_proj")
    rank: int = 1
    retain: float = 0.8
    choosing: int = 8
    looks: int = 4
    draws: int = 80
    selection: int = 8
    confidence: float = 0.95
    certified: int = 4
    ratio: float = 0.7
