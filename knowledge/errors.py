"""What can be wrong with the files a company or a translator writes.

BrokenFile      a data file that can't be read or breaks a rule -> shown to whoever started the program, exit 2
"""

from pathlib import Path


class BrokenFile(Exception):
    """One data file is broken: which, where, and what to do about it."""

    def __init__(self, path: Path | str, problem: str, remedy: str = "") -> None:
        self.path, self.problem, self.remedy = str(path), problem, remedy
        super().__init__(f"{path}: {problem}" + (f". {remedy}" if remedy else ""))
