"""Benchmarks: ftpcore beside pyftpdlib.  Run `python -m benchmarks`; its `--help` tells the rest."""
