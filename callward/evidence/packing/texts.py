"""What a pack says to whoever opens it, in plain words."""

from typing import Final

KEYS_README: Final = """\
Public keys, for comparison only
================================

The files beside this one say which keys this pack claims to be signed with. Whoever
makes a false pack puts his own key here, so no key may be believed because it lies
here, and no verifier takes one from here. Compare them with the keys that you were
given in another way: when the contract was signed, on paper, or with an earlier pack.

verifier.txt    the instance's key (C2SP verifier key: name, id, Ed25519)
witnesses.txt   keys of those who cosigned the ledger's checkpoint, if anybody did
"""

_README: Final = """\
Evidence of record keeping
==========================

{name}

Begin with data/report.html. Where what is reported came from lies beside it under data/.

To check this pack
------------------

1. That no file is missing or altered, with tools of any system, in this folder:

       sha512sum -c manifest-sha512.txt
       sha512sum -c tagmanifest-sha512.txt

   That shows accidents. It does not show who made the pack.

2. Everything else, with Python 3.11 or later and its package "cryptography":

       python -P verify.py PACK.zip --key FILE

   PACK.zip is the archive as you received it, not this folder; FILE holds the verifier
   key that you were given in another way than in this pack (see keys/README.txt).
   "callward verify" does the same. --help tells the rest: which period you expect,
   an earlier pack that this one must continue, a witness's key.

A verifier that comes with what it is to verify can be trusted only as far as you have
read it: whoever makes a false pack can put a false verifier in. It is one file of plain
source, made to be read. Or have it from elsewhere: "callward evidence verifier" prints
it, and the one for this version has the SHA-256

    {digest}

which tells you something only if that number, too, comes from elsewhere.

No check shows that the instance recorded truly what it did: counts, gates, instructions
and evidence are its own signed statements.
"""


def readme(name: str, digest: str) -> str:
    """The pack's own README; ``name`` of the pack, ``digest`` (SHA-256, hex) of its verifier."""
    return _README.format(name=name, digest=digest)
