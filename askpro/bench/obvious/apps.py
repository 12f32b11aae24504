"""The obvious design as a Django app; not among the product's."""

from django.apps import AppConfig


class ObviousConfig(AppConfig):
    """One table."""

    name = "askpro.bench.obvious"
    label = "bench"
