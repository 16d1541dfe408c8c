"""Stress of the mesh: random traffic, stalls, hot spots, dead nodes and links, destinations that nobody has.

`python -m verif.mesh.campaign --flits 100000000` is the full run. Each round has a mesh of its own, made of one seed; a
scoreboard accounts for every flit (`verif.mesh.model`), and a round ends when the mesh is empty again.
"""

import argparse
import random
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from hdl.config import PRESETS, Config
from sim.build import new_seed
from sim.route_check import check
from sim.routing import tables
from verif.mesh.faults import links_of
from verif.mesh.model import MeshModel, Traffic

#: Meshes of the rounds; the router is the same.
SIZES = ((2, 2), (3, 3), (4, 4), (8, 8), (1, 6), (7, 3), (18, 20))


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a round did."""

    size: tuple[int, int]
    dead: int
    broken: int
    flits: int
    misplaced: int
    cycles: int


def run_round(seed: int, *, preset: Config, size: tuple[int, int], flits: int) -> Round:
    """At least so many flits through a mesh, at changing loads and stalls.

    Raises
    ------
    verif.mesh.model.MeshFault
        If a flit was not what and where it should be, or nothing moved any more.
    """
    generator = random.Random(seed)
    columns, rows = size
    config = preset.with_mesh(columns=columns, rows=rows)
    dead, broken, made = _faults(generator, config)
    nowhere = [(columns, 1), (0, rows + 1), (127, 127), (columns - 1, 0)]
    places = [*config.coordinates(), *nowhere]
    with MeshModel(config=config, dead=dead, broken=broken, places=places, seed=generator.getrandbits(32)) as mesh:
        if made:
            mesh.load_routes(made)
        entered = misplaced = cycles = 0
        while entered < flits:
            load = generator.choice((0.05, 0.3, 0.6, 1.0))
            share = generator.choice((0.1, 0.5, 0.9, 1.0))
            stalls = generator.choice((0.0, 0.3, 0.9)), generator.choice((0.0, 0.3, 0.9))
            traffic = Traffic(places=_choices(generator, mesh, wild=generator.random() < 0.3), load=load, class_1=share,
                              stalls=stalls, burst=generator.choice((1, 7, 60)))
            cycles_of_traffic = generator.choice((200, 2000))
            for counts in (mesh.run(traffic, cycles=cycles_of_traffic, limit=20_000), mesh.drain(limit=20_000)):
                entered += counts.entered
                misplaced += counts.misplaced
                cycles += counts.cycles
    return Round(size=size, dead=len(dead), broken=len(broken), flits=entered, misplaced=misplaced, cycles=cycles)


def _faults(generator: random.Random, config: Config):
    """Dead nodes, broken links and tables for them; in a part of the rounds nothing, and X first, or only tables."""
    sites = config.coordinates()
    links = links_of(sites)
    share = generator.choice((0.0, 0.02, 0.1, 0.2))
    while True:
        dead = {site for site in sites[1:] if generator.random() < share}
        broken = {link for link in links if generator.random() < share / 2}
        try:
            made = tables(config=config, dead=dead, broken=broken)
        except ValueError:  # it is not connected
            share *= 0.9
            continue
        if not dead and not broken and generator.random() < 0.5:
            return dead, broken, None
        check(made, config=config, dead=dead, broken=broken)
        return dead, broken, made


def _choices(generator: random.Random, mesh: MeshModel, *, wild: bool) -> np.ndarray:
    """Where each node sends to: some live ones, or one for all; and, if `wild`, where nobody lives."""
    live = [mesh.places.index(site) for site in mesh.nodes]
    absent: list[int] = [index for index in range(len(mesh.places)) if index not in live]
    count = 8
    hot = generator.choice(live)
    chosen = [[generator.choice(live) for _ in range(count)] for _ in live]
    if generator.random() < 0.3:
        chosen = [[hot if generator.random() < 0.5 else place for place in row] for row in chosen]
    if wild:
        chosen = [[generator.choice(absent) if generator.random() < 0.2 else place for place in row] for row in chosen]
    return np.array(chosen, np.uint32)


def campaign(*, seed: int, flits: int, preset: Config, sizes: tuple[tuple[int, int], ...] = SIZES) -> list[Round]:
    """Rounds until so many flits have gone through."""
    generator = random.Random(seed)
    rounds: list[Round] = []
    with tqdm(total=flits, unit="flit", unit_scale=True) as progress:
        while progress.n < flits:
            size = sizes[len(rounds) % len(sizes)]
            share = min(flits - progress.n, max(flits // 500, 20_000))
            rounds.append(run_round(generator.getrandbits(32), preset=preset, size=size, flits=share))
            progress.update(rounds[-1].flits)
    return rounds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verif.mesh.campaign", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay (a new one, which is printed)")
    parser.add_argument("--flits", type=int, default=100_000_000)
    parser.add_argument("--preset", default="SIM", help=f"one of {', '.join(PRESETS)} (SIM)")
    arguments = parser.parse_args()
    seed = new_seed() if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    rounds = campaign(seed=seed, flits=arguments.flits, preset=PRESETS[arguments.preset])

    def total(what: str) -> str:
        return f"{sum(getattr(done, what) for done in rounds):,}"

    print(f"{len(rounds)} rounds, {total('flits')} flits, {total('cycles')} cycles, {total('misplaced')} flits to "
          f"where nobody lives; {total('dead')} dead nodes, {total('broken')} broken links; every flit accounted for")


if __name__ == "__main__":
    main()
