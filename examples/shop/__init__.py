"""A small web shop, the system under test of the sample suites. `python -m shop` in the folder `examples` runs it."""
