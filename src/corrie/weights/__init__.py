"""Floor 1: which tensors move, noise as a function of (seed, name, index), directions as tensors, searches for the
worst of them, and the one place that writes weights."""

from corrie.weights.ascent import WorstCase, worst_case
from corrie.weights.curvature import Curvature, top_curvature
from corrie.weights.fingerprint import fingerprint, model_fingerprint
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving, perturbed
from corrie.weights.realise import RealisedDirection, realise
from corrie.weights.saved import save_direction
from corrie.weights.selection import Selection, select
from corrie.weights.sources import Sources

__all__ = [
    "Curvature",
    "Moving",
    "RealisedDirection",
    "Selection",
    "Sources",
    "WorstCase",
    "fingerprint",
    "gaussian_noise",
    "model_fingerprint",
    "moving",
    "perturbed",
    "realise",
    "save_direction",
    "select",
    "top_curvature",
    "worst_case",
]
