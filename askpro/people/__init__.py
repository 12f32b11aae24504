"""People who sign in: passwords, second factors, sessions, by a library's flows."""
