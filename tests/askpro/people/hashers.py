"""A hasher that counts how often a password was worked on."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.hashers import MD5PasswordHasher


class Counting(MD5PasswordHasher):
    """Quick, and counted: what takes time in production is done as often here."""

    algorithm = "counting"
    worked: ClassVar[list[str]] = []

    def encode(self, password, salt):
        self.worked.append(salt)
        return super().encode(password, salt)
