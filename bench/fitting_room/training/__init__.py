"""Reusable ingredients of training: schedules, augmentation, losses, optimizers, callbacks."""
