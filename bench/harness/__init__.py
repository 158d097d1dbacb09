"""The referee: plans trials, keeps their records, judges them. It never names a model."""
