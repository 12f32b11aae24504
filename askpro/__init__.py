"""Floor and roof of the house: settings, admin, Celery; errors, ids, correlation."""
