from .checkpoints import load_model, published_models, save_model
from .config import RunConfig, learning_rate
from .devices import train_on_devices
from .evaluation import EVALUATION_BATCH, evaluate
from .trainer import (
    MAX_EPOCHS,
    Run,
    data_order,
    make_optimizer,
    one_thread,
    train,
    training_step,
)
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
    "make_optimizer",
    "one_thread",
    "published_models",
    "save_model",
    "train",
    "train_on_devices",
    "training_step",
]
