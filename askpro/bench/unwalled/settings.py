"""The product's settings on a database without policies, for the bench alone."""

from askpro.settings import *  # noqa: F403 (all of them)
from askpro.settings import DATABASES

DATABASES["default"]["ENGINE"] = "askpro.bench.unwalled"
