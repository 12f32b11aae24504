"""The break-in test: two companies of our own try to reach each other, every way."""
