"""Pictures of what a model sees: drawn like those of ``plots``, from arrays and not from records.

================  ====================================================
``answer``        one image, its ten probabilities, and other seeds'
``activations``   what layers make of a few images
``filters``       the weights on the pixels
``examples``      samples of each class, and those taken for another
================  ====================================================
"""
