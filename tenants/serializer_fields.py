"""How a secret column enters the REST interface: written, never read."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tenants.fields import EncryptedTextField


class SecretField(serializers.CharField):
    """A secret: taken from a request, in no answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"write_only": True})


def register() -> None:
    """Let every serializer of a model use it, whatever fields it names."""
    mapping = serializers.ModelSerializer.serializer_field_mapping
    mapping[EncryptedTextField] = SecretField
