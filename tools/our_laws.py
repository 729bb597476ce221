"""Fit the laws of our runs and keep them beside the table, as `decide ours` reads them.

python -m tools.our_laws
"""

from precision_lib.findings.our_laws import keep_laws

if __name__ == "__main__":
    print(keep_laws())
