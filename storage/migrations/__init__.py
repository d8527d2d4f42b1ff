"""The steps that bring an older database up to date (alembic). Written once, never changed after a release."""
