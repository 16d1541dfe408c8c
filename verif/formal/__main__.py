"""`python -m verif.formal [NAME ...]`: runs the proofs whose name starts with one of the names, or all of them."""

import argparse
import sys

from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from . import catalogue
from .proof import Proof, ProofFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m verif.formal", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginning of the names of the proofs to run")
    parser.add_argument("--list", action="store_true", help="print what is proved, and prove nothing")
    arguments = parser.parse_args()
    proofs = _chosen(arguments.names)
    if not proofs:
        parser.error(f"no proof's name starts with {' or '.join(map(repr, arguments.names))}; there are "
                     + ", ".join(proof.name for proof in catalogue.proofs()))

    table = Table("proof", "extent", "result", "states", title="Proofs (SymbiYosys with Z3; ABC)")
    failures = []
    for proof in tqdm(proofs, desc="proofs", leave=False, disable=arguments.list):
        result = ""
        if not arguments.list:
            try:
                result = f"proved in {proof.run():.0f} s"
            except ProofFailed as failure:
                result = "FAILED"
                failures.append(str(failure))
        table.add_row(proof.name, proof.extent, result, proof.states)
    Console().print(table)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _chosen(names: list[str]) -> list[Proof]:
    return [proof for proof in catalogue.proofs() if not names or proof.name.startswith(tuple(names))]


if __name__ == "__main__":
    sys.exit(main())
