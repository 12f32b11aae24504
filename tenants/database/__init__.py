"""The database engine of this project."""
