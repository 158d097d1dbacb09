"""Pictures, drawn by Matplotlib from records; nothing else of the bench loads it.

===============  =====================================================================
``theme``        the colours, for light pages and for dark ones
``canvas``       from a function that draws to the bytes of a file, always the same ones
``caption``      the small print below a picture
``scales``       axes in per cent, in decades, in whole numbers
``labels``       names beside points, where there is room
``tradeoff``     accuracy against parameters or seconds, and what was published
``frontier``     what nothing else beats at less cost
``curves``       accuracy and loss per epoch
``seeds``        scatter between seeds, and bounds
``survival``     epochs to a target
``confusion``    which class is taken for which
``reliability``  whether a model is right as often as it is sure
``seconds``      seconds per epoch over a run, and what disturbed it
``album``        all of them, by name
===============  =====================================================================

Another picture is a function from data and a ``Theme`` to a ``Figure``; ``canvas.save`` writes it.
"""
