"""Faults on purpose, effects counted outside the database: python -m tests.faults --help"""
