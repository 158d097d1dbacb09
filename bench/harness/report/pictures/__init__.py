"""Pictures of what a model sees: PNG files as bytes, drawn by matplotlib without a screen."""
