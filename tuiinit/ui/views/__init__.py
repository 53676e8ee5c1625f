"""The views, in the order of their tabs. To add one, write a `View` and list it here."""

from .activations import ActivationGradients, Activations
from .base import Page, View
from .batchnorm import BatchNormView
from .depth import Depth
from .initial import InitialLoss
from .over_time import OverTime
from .overview import FindingsView, Loss
from .saturation import Saturation
from .weights import UpdateData, WeightGradients, Weights

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
