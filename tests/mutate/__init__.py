"""One protection less at a time, and whether anything notices: ``make mutate``."""
