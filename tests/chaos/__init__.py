"""The inbox under load, with faults of every kind: nothing lost, nothing doubled."""
