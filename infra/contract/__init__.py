"""The vocabulary all three programs share. Pure: no I/O, no clock, no settings."""
