"""All proofs: those of every module of this package that has ``PROOFS``."""

import importlib
import pkgutil
from pathlib import Path

from .proof import Proof


def proofs() -> list[Proof]:
    """Every proof, module by module; names are unique."""
    found: dict[str, Proof] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])):
        if module.startswith("_"):
            continue
        for proof in getattr(importlib.import_module(f"{__package__}.{module}"), "PROOFS", ()):
            if proof.name in found:
                raise ValueError(f"two proofs are called {proof.name!r}")
            found[proof.name] = proof
    return list(found.values())
