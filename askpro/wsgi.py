"""The WSGI application."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "askpro.settings")
application = get_wsgi_application()

# What was loaded so far stays: no collection shall look through it in a request.
gc.collect()
gc.freeze()
