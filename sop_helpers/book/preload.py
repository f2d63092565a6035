"""What worker processes are forked with: the libraries that take longest to import, read once for all of them; one that cannot be had is done without."""

from contextlib import suppress

with suppress(Exception):
    import pandas  # noqa: F401
with suppress(Exception):  # without its OpenMP library LightGBM raises OSError, and forecasts do without it
    import lightgbm  # noqa: F401
