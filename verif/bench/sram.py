"""The SRAM: what is lost to conflicts by streams of requests with 4, 8 and 16 banks, and by kernels in a node."""

# pyright: reportAttributeAccessIssue=none

import importlib.metadata
import json
from dataclasses import asdict, dataclass, replace

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from rich.console import Console
from rich.table import Table

from hdl.config import SIM, Config
from hdl.mem.sram import FivePortSram
from sim.verilator import ROOT
from verif import batch
from verif.sram.kernels import KERNELS

PORTS = FivePortSram.READERS + FivePortSram.WRITERS
CYCLES, STARTS, SEED = 4000, 20, 1


class Streams(wiring.Component):
    """Every port asks for line after line, in steps or at random, and waits until it is served.

    Members are in the order of `PORTS`: which ports ask (``active``; a request that waits stays),
    where they start and their steps, which of them go to random lines, and which were refused (``lost``).
    """

    def __init__(self, *, config: Config):
        self.config = config
        lines = data.ArrayLayout(config.line_bits, len(PORTS))
        super().__init__({
            "active": In(len(PORTS)), "start": In(lines), "step": In(lines), "random": In(len(PORTS)),
            "partial": In(1), "taken": Out(len(PORTS)), "lost": Out(len(PORTS)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.sram = sram = FivePortSram(config=self.config)
        valid, ready = [], []
        for index, name in enumerate(PORTS):
            request = getattr(sram, name).request
            position = Signal(self.config.line_bits, name=f"position_{name}")
            state = Signal(64, init=0x9E3779B97F4A7C15 * (index + 1) % 2**64, name=f"state_{name}")
            waiting = Signal(name=f"waiting_{name}")
            first, second = state ^ (state << 13)[:64], Signal(64, name=f"second_{name}")
            m.d.comb += [
                second.eq(first ^ (first >> 7)),
                request.valid.eq(self.active[index] | waiting),
                request.payload.line.eq(Mux(self.random[index], state[20:], self.start[index] + position)),
                request.payload.write.eq(name in FivePortSram.WRITERS),
                request.payload.mask.eq(Mux(self.partial, 0xF, ~0)),
            ]
            m.d.sync += waiting.eq(request.valid & ~request.ready)
            with m.If(request.valid & request.ready):
                m.d.sync += [position.eq(position + self.step[index]), state.eq(second ^ (second << 17)[:64])]
            valid.append(request.valid)
            ready.append(request.ready)
        m.d.comb += [self.taken.eq(Cat(valid) & Cat(ready)), self.lost.eq(Cat(valid) & ~Cat(ready))]
        return m


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What the ports do; of those that are not named, nothing. `every`: a port asks once in so many cycles."""

    name: str
    steps: dict[str, int]
    every: dict[str, int]
    random: bool = False
    partial: bool = False


def _all(step: int) -> dict[str, int]:
    return dict.fromkeys(PORTS, step)


#: `gemm`: operands and instructions in order, a result after 8 operands, lists in and out at full rate.
TRAFFIC = (
    Traffic(name="six ports in order, each cycle", steps=_all(1), every=_all(1)),
    Traffic(name="GEMM with lists both ways at full rate", steps=_all(1),
            every={"load0": 1, "load1": 1, "store": 8, "mesh_read": 1, "mesh_write": 1, "fetch": 16}),
    Traffic(name="vector: two loads, a store, each cycle", steps=_all(1), every={"load0": 1, "load1": 1, "store": 1}),
    Traffic(name="lists alone, both ways", steps=_all(1), every={"mesh_read": 1, "mesh_write": 1}),
    Traffic(name="loads down a column of 9 lines, lists", steps=_all(1) | {"load0": 9, "load1": 9},
            every={"load0": 1, "load1": 1, "store": 8, "mesh_read": 1, "mesh_write": 1}),
    Traffic(name="random lines, each cycle", steps=_all(1), every=_all(1), random=True),
    Traffic(name="random stores of 4 bytes, one a cycle", steps=_all(1), every={"store": 1}, random=True, partial=True),
)


#: Bits of the ports of the core, fetch included, and of the mesh.
MESH = sum(name.startswith("mesh") << index for index, name in enumerate(PORTS))
CORE = (1 << len(PORTS)) - 1 - MESH


@dataclass(frozen=True)
class Measured:
    """Accesses a cycle, and the share of the cycles of the core's requests, and of the mesh's, that they waited."""

    rate: float
    core: float
    mesh: float


def measure(unit: batch.Batch, config: Config, traffic: Traffic, generator: np.random.Generator) -> Measured:
    """The mean of random starts."""
    taken, lost = dict.fromkeys((CORE, MESH), 0), dict.fromkeys((CORE, MESH), 0)
    for _ in range(STARTS):
        active = np.zeros(CYCLES, np.uint8)
        for port, every in traffic.every.items():
            phase = generator.integers(every)
            active[phase::every] |= np.uint8(1 << PORTS.index(port))
        starts = sum(int(generator.integers(config.sram_lines)) << config.line_bits * i for i in range(len(PORTS)))
        steps = sum(traffic.steps[port] << config.line_bits * i for i, port in enumerate(PORTS))

        def words(value: int) -> np.ndarray:
            count = -(-config.line_bits * len(PORTS) // 32)
            return np.tile(np.array([value >> 32 * i & 0xFFFF_FFFF for i in range(count)], np.uint32), (CYCLES, 1))

        out = unit(active=active, start=words(starts), step=words(steps), partial=int(traffic.partial),
                   random=(1 << len(PORTS)) - 1 if traffic.random else 0)
        for ports in (CORE, MESH):
            taken[ports] += int(np.bitwise_count(out["taken"] & np.uint8(ports)).sum())
            lost[ports] += int(np.bitwise_count(out["lost"] & np.uint8(ports)).sum())
    return Measured(sum(taken.values()) / (CYCLES * STARTS),
                    *(lost[ports] / max(1, taken[ports] + lost[ports]) for ports in (CORE, MESH)))


def streams() -> dict[str, dict[int, Measured]]:
    """Measure streams of requests at the SRAM alone, and print the table."""
    results: dict[str, dict[int, Measured]] = {}
    table = Table(title=f"SRAM of {SIM.name}: accesses a cycle; cycles lost of the core's requests, of the mesh's; "
                        f"{STARTS} random starts of {CYCLES} cycles, seed {SEED}; "
                        f"Verilator {importlib.metadata.version('verilator')}")
    table.add_column("traffic")
    for banks in (4, 8, 16):
        table.add_column(f"{banks} banks", justify="right")
        config = replace(SIM, sram_banks=banks)
        unit = batch.build(Streams(config=config), name=f"sram_streams_{banks}", latency=0)
        for traffic in TRAFFIC:
            results.setdefault(traffic.name, {})[banks] = measure(
                unit, config, traffic, np.random.default_rng(SEED))
    for name, by_banks in results.items():
        table.add_row(name, *(f"{found.rate:.2f}  {found.core:.2%} {found.mesh:.2%}" for found in by_banks.values()))
    Console(width=120).print(table)
    return results


def kernels() -> dict[str, dict[str, int]]:
    """Run kernels on the RTL of a mesh, and print how long the nodes that matter waited for their SRAM."""
    results = {}
    table = Table(title=f"Kernels on 2 x 2 nodes of {SIM.name}: share of cycles in which a request waits")
    for column in ("kernel", "cycles", "packets a cycle", "core", "fetch", "mesh"):
        table.add_column(column, justify="left" if column == "kernel" else "right")
    for name, kernel in KERNELS.items():
        found = results[name] = kernel()
        share = {what: f"{found[what] / found['CYCLES']:.2%}" for what in found}
        table.add_row(name, f"{found['CYCLES']:,}", f"{found['PACKETS_IN'] / found['CYCLES']:.2f}",
                      *(share[f"SRAM_WAITS_{who}"] for who in ("CORE", "FETCH", "MESH")))
    Console(width=120).print(table)
    return results


def main() -> None:
    """Measure and print."""
    results = {
        "streams": {name: {banks: asdict(found) for banks, found in by_banks.items()}
                    for name, by_banks in streams().items()},
        "kernels": kernels()}
    folder = ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sram.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
