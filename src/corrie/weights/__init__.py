"""Floor 1: which tensors move, noise as a function of (seed, name, index), and the one place that writes weights."""

from corrie.weights.fingerprint import fingerprint, model_fingerprint
from corrie.weights.noise import gaussian_noise
from corrie.weights.perturbed import Moving, moving, perturbed
from corrie.weights.realise import RealisedDirection, realise
from corrie.weights.selection import Selection, select

__all__ = [
    "Moving",
    "RealisedDirection",
    "Selection",
    "fingerprint",
    "gaussian_noise",
    "model_fingerprint",
    "moving",
    "perturbed",
    "realise",
    "select",
]
