"""One lane looked at one way: a plot, a table, and how to read them; in the order of their tabs.

To add one, write a `View` and list it here. Does not know Textual, nor where the numbers come from.
"""

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
    Activations(),
    ActivationGradients(),
    Weights(),
    WeightGradients(),
    UpdateData(),
    Saturation(),
    OverTime(),
    Depth(),
    BatchNormView(),
    InitialLoss(),
    Loss(),
    FindingsView(),
)

__all__ = ["VIEWS", "Page", "View"]
