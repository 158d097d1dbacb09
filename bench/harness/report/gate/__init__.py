"""The gate judged, in tables: how often it errs, what it notices, what it costs, what the noise is.

===========  ================================================================
``files``    what was measured, as it lies under ``results/``
``rates``    simulated false alarms and detections
``variants`` crippled cases on real data
``cost``     seconds for a verdict, beside a gate of a fixed number of seeds
``noise``    components of the scatter
``seconds``  a slowed step and a busy neighbour, as the judge of seconds saw them
``blocks``   all of them by name, for a Markdown file
===========  ================================================================
"""
