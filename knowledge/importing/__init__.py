"""Reads a company's official text, finds its numbering, and places every paragraph at the clause it words."""
