"""The flow of a shard, in whose workers an engine answers at once.

In a folder by itself: Prefect puts that of an entry point in front of the standard library.
"""

from callward import instance

quick = (*instance._PRELOAD, "tests.benchmarks.quick.quick_engine")
setattr(instance, "_PRELOAD", quick)  # noqa: B010 - of a module

from flows.shard import transcribe_shard  # noqa: E402 - after that

__all__ = ["transcribe_shard"]
