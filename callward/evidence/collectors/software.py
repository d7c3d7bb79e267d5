"""Software: the bill of materials (CycloneDX) of the environment that runs this."""

import hashlib
import json

from callward import __version__
from callward.evidence.collectors.base import Collected, Source
from callward.evidence.collectors.installed import installed
from callward.sbom.document import bill


def collect(source: Source) -> Collected:
    """What is installed now, dated as the period ended: it cannot be looked at afterwards."""
    found = installed()
    written = bill(found, source.end)
    listed = "\n".join(f"{key}=={one.version}" for key, one in found.packages.items())
    facts = {
        "packages": len(found.packages),
        "without_digest": sum(one.record is None for one in found.packages.values()),
        "installed": hashlib.sha256(listed.encode()).hexdigest(),
        "bill": hashlib.sha256(written).hexdigest(),
        "python": found.python,
        "callward": __version__,
    }
    return Collected("environment", source.end, facts, {"bill": json.loads(written)})
