"""One lane looked at one way: a plot, a table, and how to read them; in the order of their tabs.

To add one, write a `View` and list it here, with its small picture (`small.py`) if it can be compared. Does not know
Textual, nor where the numbers come from.
"""

from . import smalls
from .activations import ActivationGradients, Activations
from .base import Page, View
from .batchnorm import BatchNormView
from .depth import Depth
from .findings import FindingsView
from .initial import InitialLoss
from .loss import Loss
from .over_time import OverTime
from .saturation import Saturation
from .update_data import UpdateData
from .weights import WeightGradients, Weights

VIEWS: tuple[View, ...] = (
    Activations(smalls.ACTIVATIONS),
    ActivationGradients(smalls.ACTIVATION_GRADIENTS),
    Weights(smalls.WEIGHTS),
    WeightGradients(smalls.WEIGHT_GRADIENTS),
    UpdateData(smalls.SmallUpdateData()),
    Saturation(smalls.SmallSaturation()),
    OverTime(),
    Depth(smalls.SmallDepth()),
    BatchNormView(),
    InitialLoss(),
    Loss(smalls.SmallLoss()),
    FindingsView(),
)

__all__ = ["VIEWS", "Page", "View"]
