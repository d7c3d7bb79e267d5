"""Prefect tasks: thin, one file a stage, a batch a task run."""
