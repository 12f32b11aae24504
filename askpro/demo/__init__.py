"""The product on one machine: every process, two providers, and calls that come in."""
