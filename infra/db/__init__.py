"""The database: the truth. Handlers read it, workers write it, pods never see it."""
