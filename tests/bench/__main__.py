"""All benches: python -m tests.bench"""

import subprocess
import sys
import time

from tests.bench import memory, turn, understanding

print("Understanding")
understanding.run()
print("\nWhole turns")
turn.run()
print("\nMemory")
memory.run()
print("\nThe command line")
started = time.perf_counter()
subprocess.run([sys.executable, "-m", "bot", "--help"], check=True, capture_output=True)
print(f"clausebot --help: {time.perf_counter() - started:.2f} s")
