"""The child process: one spec in, one record out. Only ``fit`` and what it calls know Keras."""
