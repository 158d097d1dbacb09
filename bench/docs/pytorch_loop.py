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

from typing import Any

import torch
from torch import nn


def network(pixels: int, classes: int, units: int) -> nn.Module:
    """Return one hidden layer on images of any shape."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, units), nn.ReLU(), nn.Linear(units, classes)
    )


def train(job: Any, data: Any, report: Any) -> None:
    """Train with Adam on cross-entropy."""
    recipe = job.case.recipe
    torch.manual_seed(job.seed)
    images, labels, test_images = map(
        torch.from_numpy, (data.images, data.labels, data.test_images)
    )
    model = network(images[0].numel(), data.classes, **job.case.arguments)
    report.parameters(sum(each.numel() for each in model.parameters()))
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)

    @torch.no_grad()
    def predict() -> Any:
        return model(test_images).softmax(dim=1).numpy()

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
    report.predictions(predict())
