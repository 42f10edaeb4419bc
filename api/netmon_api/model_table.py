"""The routes about models, on one page; app.py adds them to its own."""

from netmon_api import model_service as service
from netmon_api.auth import Access
from netmon_api.model_models import (
    ByWhomBody,
    ModelBody,
    NewModelAnswer,
    PredictBody,
    PredictionAnswer,
    RollBackBody,
    ScoresAnswer,
    SeriesBody,
    ServiceModelAnswer,
    TakenAnswer,
    VersionsAnswer,
)
from netmon_api.models import Listing, NoQuery, PageQuery
from netmon_api.routes import Route

_MODELS = "/api/v1/models"
_ONE = _MODELS + "/{model}"
_LARGE = 16 << 20

# fmt: off
MODEL_ROUTES: tuple[Route, ...] = (
    Route("GET", _MODELS, Access.TOKEN, service.list_models, PageQuery, Listing[ServiceModelAnswer],
          "Models, sorted by name"),
    Route("GET", _ONE, Access.TOKEN, service.describe_model, NoQuery, ServiceModelAnswer,
          "A model: what it was trained on, how good it is, when it is trained next"),
    Route("PUT", _ONE, Access.ADMIN, service.put_model, NoQuery, NewModelAnswer, "Have a model", body=ModelBody),
    Route("DELETE", _ONE, Access.ADMIN, service.remove_model, NoQuery, ServiceModelAnswer,
          "Have a model no more, nor its versions"),
    Route("POST", _ONE + "/train", Access.TOKEN, service.train_model, NoQuery, ServiceModelAnswer,
          "Have a model trained now", body=ByWhomBody),
    Route("GET", _ONE + "/versions", Access.TOKEN, service.list_versions, NoQuery, VersionsAnswer,
          "The versions of a model, the newest first"),
    Route("POST", _ONE + "/rollback", Access.TOKEN, service.roll_back, NoQuery, ServiceModelAnswer,
          "Have another version of a model count", body=RollBackBody),
    Route("POST", _ONE + "/series", Access.WRITE, service.take_series, NoQuery, TakenAnswer,
          "Send series to a model", body=SeriesBody, most_body_bytes=_LARGE),
    Route("POST", _ONE + "/predict", Access.TOKEN, service.predict, NoQuery, PredictionAnswer,
          "What comes next, with intervals", body=PredictBody, most_body_bytes=_LARGE),
    Route("POST", _ONE + "/score", Access.TOKEN, service.score, NoQuery, ScoresAnswer,
          "How odd values are, and why", body=SeriesBody, most_body_bytes=_LARGE),
)
# fmt: on
