"""The product without its wall: what the wall costs is measured against it."""
