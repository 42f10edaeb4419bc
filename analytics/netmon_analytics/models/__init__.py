"""What a detector and a forecaster are, ours as such, how good one is, and others that are asked over HTTP."""

from netmon_analytics.models.ensembles import EnsembleDetector, EnsembleForecaster
from netmon_analytics.models.interfaces import Detection, DetectorModel, ForecasterModel, Outlook, Reason
from netmon_analytics.models.measures import Accuracy, Tally, stability
from netmon_analytics.models.protocol import BadRequest, answer
from netmon_analytics.models.signing import NotGenuine, Verifier, sign

__all__ = [
    "Accuracy",
    "BadRequest",
    "Detection",
    "DetectorModel",
    "EnsembleDetector",
    "EnsembleForecaster",
    "ForecasterModel",
    "NotGenuine",
    "Outlook",
    "Reason",
    "Tally",
    "Verifier",
    "answer",
    "sign",
    "stability",
]
