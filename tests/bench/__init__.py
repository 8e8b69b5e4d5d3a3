"""Figures: each measured beside a peer or a limit, interleaved in one run, told as a ratio."""
