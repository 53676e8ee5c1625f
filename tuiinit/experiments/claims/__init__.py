"""The notes' claims: each an experiment, measured live, and a verdict."""

from .check import CLAIMS, SEEDS, Checked, check, find
from .model import Claim, Judgement

__all__ = ["CLAIMS", "SEEDS", "Checked", "Claim", "Judgement", "check", "find"]
