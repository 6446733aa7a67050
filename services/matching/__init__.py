"""Which partners fit an RFI, and why? A library without a process: router, statistics and portal use it."""
