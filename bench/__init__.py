"""Measurements, always as ratios of systems that ran side by side in one run."""
