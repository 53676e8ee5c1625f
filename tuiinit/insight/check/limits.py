"""Thresholds of a check that `insight.thresholds` does not have, and where they come from.

Where no source is named, the number is drawn so that networks of well-known libraries, built as they are, stay
below *bad*.
"""

from __future__ import annotations

from ..thresholds import DEAD_PROBE_ROWS, INITIAL_LOSS_EXCESS, SATURATED_HIGH, STD_GROWS

GAIN_ABSURD = 1_000.0  # std · √fan_in: initialisers give 0.02 to 3, what lay in memory any number
CHAIN = 4  # rows: a trend over fewer may be chance
STD_WARN, STD_BAD = (
    STD_GROWS,
    10.0,
)  # last ÷ first row of a chain, and their inverses; float16 still lives at the latter
JUMP_BAD = 100.0  # one row ÷ the one before
SATURATED_WARN, SATURATED_BAD = SATURATED_HIGH, 0.5  # share of a bounded activation's outputs (Glorot & Bengio 2010)
DEAD_WARN, DEAD_BAD = 0.1, 0.4  # share of a layer's units; Lu et al. 2019 (arXiv 1903.06733) on why they are born dead
DEAD_ROWS = DEAD_PROBE_ROWS  # values of a unit, below which a dead one may be chance
GRADIENT_WARN, GRADIENT_BAD = 1e2, 1e4  # first ÷ last rows' gradients, and the inverse
LOSS_WARN = INITIAL_LOSS_EXCESS  # nats above ln C and what chance does to few examples; logits of std s cost about s²/2
LOGITS_START = 0.3  # std of logits that a cure aims at: they cost 0.05 nats
LOGITS_LARGE = 0.4  # std of logits, below which they are not why a loss is high
STREAM_WARN, STREAM_BAD = 4.0, 100.0  # rms of a residual stream, last ÷ first sum: √N at N = 16 branches of full size
LOGITS_WARN = 3.0  # std of logits from a tied weight
GAIN_OFF = 0.1  # relative, between a gain found and the one advised
ONE_GAIN = 1.25  # largest ÷ smallest of gains that are said as one
BIAS_HEAVY = 1.0  # rms of a bias ÷ std of its layer's output

#: The steepest slope of activations that never pass a gradient on whole.
FLATTEST = {"sigmoid": 1 / 4, "hardsigmoid": 1 / 6}
#: Activations for which f(c·x) = c·f(x), c > 0: what enters them at half the size leaves at half the size.
HOMOGENEOUS = ("relu", "leaky_relu", "prelu", "rrelu")
RECURRENT = ("LSTMCell", "GRUCell", "RNNCell", "LSTM", "GRU", "RNN")
