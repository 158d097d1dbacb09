"""The lab: plans trials, hands them to an executor, and stops when the verdict is in."""
