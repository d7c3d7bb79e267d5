"""The verifier in one file of plain source: nothing of ours need be installed to run it.

The sources of all modules that checking imports, as they are, behind a loader that
makes modules of them when they are imported.
"""

from functools import cache
from typing import Final

from callward.errors import DefectError
from callward.evidence.sources import closure

ROOT: Final = "callward.evidence.__main__"
_QUOTES: Final = "'''"

_HEAD: Final = '''\
#!/usr/bin/env python3
"""Check a pack of evidence, a proof or a certificate: python -P verify.py FILE --key KEY

Needs Python 3.11 or later and its package "cryptography", nothing of Callward's.

This file holds the sources of Callward's own verifier, module by module, as they are in
Callward; whoever wants to know what is checked reads them. At the end a few lines make
modules of them and start. If it came with what it is to check, it can be trusted only as
far as it was read.
"""

import sys

# What lies beside this file, in a pack that somebody has unpacked, must not pass for Python's
# own: not one module is imported from here.
if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]

import os
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader

SOURCES = {}

'''
_TAIL: Final = '''\
# Python's own way of importing, with the sources above in place of files.


class Carried(MetaPathFinder, InspectLoader):
    """Makes modules of the sources above, and lets nothing else be called callward."""

    carrier = os.path.abspath(__file__)

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname in SOURCES:
            return spec_from_loader(fullname, self, origin=f"{__file__}:{fullname}")
        if fullname.partition(".")[0] == "callward":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None

    def get_source(self, fullname) -> str:
        return SOURCES[fullname]

    def is_package(self, fullname) -> bool:
        return any(name.startswith(f"{fullname}.") for name in SOURCES)


if not any(isinstance(one, Carried) for one in sys.meta_path):
    sys.meta_path.insert(0, Carried())

if __name__ == "__main__":
    from callward.evidence.__main__ import main

    sys.exit(main())
'''


@cache
def verifier_source() -> str:
    """``verify.py``: the same for the same sources of ours, whoever asks."""
    sources = closure([ROOT])
    parts = [_HEAD]
    for name in sorted(sources):
        source = sources[name]
        if _QUOTES in source or source.endswith(("\\", "'")):
            raise DefectError(f"the source of {name} cannot be quoted")
        parts.append(f"SOURCES[{name!r}] = r{_QUOTES}{source}{_QUOTES}\n\n")
    return "".join([*parts, _TAIL])
