"""Benchmarks: each figure beside the bare minimum it is held against, in one run. Never a test."""
