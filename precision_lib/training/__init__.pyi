from .checkpoints import load_model, published_models, save_model
from .config import MAX_EPOCHS, RunConfig, learning_rate
from .data import data_order
from .devices import train_on_devices
from .evaluation import EVALUATION_BATCH, evaluate
from .optimize import one_thread
from .trainer import Run, train, train_lanes
from .tuning import best_rates

__all__ = [
    "EVALUATION_BATCH",
    "MAX_EPOCHS",
    "Run",
    "RunConfig",
    "best_rates",
    "data_order",
    "evaluate",
    "learning_rate",
    "load_model",
    "one_thread",
    "published_models",
    "save_model",
    "train",
    "train_lanes",
    "train_on_devices",
]
