"""The design that comes to mind first, to be compared with."""
