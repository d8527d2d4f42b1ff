"""What each command of python -m knowledge does."""
