"""`python -m verif.bench [NAME ...]`: runs the benchmarks with these names, or all of them."""

import argparse
import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    benches = sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])
                     if not info.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m verif.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(benches)}")
    names = parser.parse_args().names or benches
    for name in names:
        if name not in benches:
            parser.error(f"no benchmark is called {name!r}; there are {', '.join(benches)}")
    for name in names:
        importlib.import_module(f"{__package__}.{name}").main()


if __name__ == "__main__":
    main()
