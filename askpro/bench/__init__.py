"""What it costs: ours beside the barest that could do the same, in one run."""
