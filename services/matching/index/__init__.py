"""Which profiles fit best, in numbers only? Exact top lists over millions of profiles in memory; no I/O."""
