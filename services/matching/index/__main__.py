"""Compiles the index ahead of its first use, as when an image is built: `python -m services.matching.index`."""

from __future__ import annotations

import sys

from services.matching.index.warm import warm_up

if __name__ == "__main__":
    sys.exit(0 if warm_up() else "the index finds nothing on this machine")
