"""Speed by command, never in timed tests: python -m tests.bench"""
