"""A plain PyTorch loop as the trainer of a case.

Case(
    task="mnist",
    architecture="torch_dense",
    builder="bench.docs.pytorch_loop:network",
    trainer="bench.docs.pytorch_loop:train",
    arguments={"units": 128},
    recipe=Recipe(epochs=5),
)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn


def network(pixels: int, classes: int, units: int) -> nn.Module:
    """Return one hidden layer on images of any shape."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, units), nn.ReLU(), nn.Linear(units, classes)
    )


def predictor(model: nn.Module) -> Any:
    """Return a function from images, as ``data`` has them, to the probabilities of each class."""

    @torch.no_grad()
    def predict(images: Any) -> Any:
        return model(torch.from_numpy(images)).softmax(dim=1).numpy()

    return predict


def load_model(file: Path) -> Any:
    """Return the predictor of a model that ``train`` saved."""
    sizes, weights = torch.load(file, weights_only=True)
    model = network(*sizes)
    model.load_state_dict(weights)
    return predictor(model)


def train(job: Any, data: Any, report: Any) -> None:
    """Train with Adam on cross-entropy."""
    recipe = job.case.recipe
    torch.manual_seed(job.seed)
    images, labels = map(torch.from_numpy, (data.images, data.labels))
    sizes = images[0].numel(), data.classes, job.case.arguments["units"]
    model = network(*sizes)
    report.parameters(sum(each.numel() for each in model.parameters()))
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    predict = predictor(model)
    for number in range(1, job.epochs + 1):
        loss_sum, right = 0.0, 0
        for batch in torch.randperm(len(images)).split(recipe.batch_size):
            logits = model(images[batch])
            loss = nn.functional.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(batch)
            right += int((logits.argmax(dim=1) == labels[batch]).sum())
        n = len(images)
        report.epoch(number, loss=loss_sum / n, accuracy=right / n, predictions=predict)
    report.predictions(predict, save=lambda file: torch.save((sizes, model.state_dict()), file))
