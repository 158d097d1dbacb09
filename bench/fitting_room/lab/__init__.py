"""The parent's side: plan trials, hand them to processes, stop when the verdict is in."""
