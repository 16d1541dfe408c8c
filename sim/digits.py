"""``python -m sim digits``: the mesh recognises handwritten digits that its network was not trained on.

The program is sw/digits/digits.c, the weights come from sw/digits/train.py. `expected_logits` says what every logit
must be, by `sim.numerics` on whole matrices, without any program. The program on the golden model and the program on
the RTL must agree with it bit for bit.
"""

import argparse
import struct
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hdl.arith.operations import FloatOperation
from hdl.config import Config
from sw.digits.train import DIGITS, HIDDEN, PIXELS, TEST_IMAGES, WEIGHTS, test_images

from . import heatmap, numerics, packing, software
from .build import ROOT
from .commands import config_of
from .errors import SimulationError
from .job import Job, Node, Result, run_model
from .measure import rates, show, spent_cycles
from .numerics import Bf16, Fp32, float_operation
from .rtl import run_rtl

HEATMAP = ROOT / "build" / "digits" / "heatmap.png"

#: As sw/digits/digits.c has it.
PANELS = 4


@dataclass(frozen=True, kw_only=True)
class Network:
    """The weights as the mesh has them, as bits.

    Attributes
    ----------
    w1, w2 : uint16 arrays [HIDDEN, PIXELS], [DIGITS, HIDDEN]
        Both transposed, in BF16.
    b1, b2 : uint32 arrays [HIDDEN], [DIGITS]
        In FP32.
    """

    w1: Bf16
    b1: Fp32
    w2: Bf16
    b2: Fp32

    @classmethod
    def trained(cls) -> "Network":
        """The stored weights, rounded to BF16."""
        with np.load(WEIGHTS) as stored:
            return cls(w1=numerics.bf16_from_values(stored["w1"].T), b1=stored["b1"].view(np.uint32),
                       w2=numerics.bf16_from_values(stored["w2"].T), b2=stored["b2"].view(np.uint32))


def expected_logits(network: Network, images: Bf16, config: Config) -> Fp32:
    """L^T = W2^T relu(W1^T X^T + b1) + b2, uint32 [DIGITS, images], from `images`, uint16 [PIXELS, images]."""
    def layer(weights: Bf16, inputs: Bf16, bias: Fp32) -> Fp32:
        products = numerics.matmul(weights, inputs, config)
        return float_operation(FloatOperation.ADD, products, np.broadcast_to(bias[:, None], products.shape)).bits

    hidden = layer(network.w1, images, network.b1)
    rectified = float_operation(FloatOperation.MAX, hidden, np.zeros_like(hidden)).bits
    return layer(network.w2, numerics.bf16_from_fp32(rectified), network.b2)


class Digits:
    """The recognition of images as a job for a mesh.

    Parameters
    ----------
    network : Network
    images : uint16 array [PIXELS, images]
        BF16 bits, an image in each column.
    config : Config

    Raises
    ------
    SimulationError
        If a node's share of the images does not fit in its SRAM.
    """

    def __init__(self, network: Network, images: Bf16, config: Config):
        self.network, self.images, self.config = network, images, config
        self.program = software.program("digits/digits.c", config=config)
        self.digit_strips = packing.row_strips(DIGITS, config)
        strips, nodes = packing.column_strips(images.shape[1], config), config.coordinates()
        self.strips: dict[Node, range] = dict(zip(nodes, packing.cuts(strips, len(nodes)), strict=True))
        needed = max(map(len, self.strips.values())) * self._strip_bytes
        free = self.program.symbols["d1_stacks"] - self.program.symbols["d1_free"]
        if needed > free:
            raise SimulationError(
                f"{images.shape[1]} images do not fit in a mesh of {config.columns} x {config.rows} nodes: a node "
                f"needs {needed:,} bytes for its share and has {free:,} free of its {config.sram_bytes:,}")

    @property
    def _image_bytes(self) -> int:
        return packing.strip_bytes(PIXELS, self.config)

    @property
    def _hidden_bytes(self) -> int:
        return packing.strip_bytes(HIDDEN, self.config)

    @property
    def _logits_bytes(self) -> int:
        return self.digit_strips * packing.block_bytes(self.config)

    @property
    def _strip_bytes(self) -> int:
        """Memory for the images of one strip."""
        return self._image_bytes + self._hidden_bytes + self._logits_bytes

    def _panel(self, panel: int) -> bytes:
        """`struct panel` of the program."""
        config, network = self.config, self.network
        rows = slice(panel * HIDDEN // PANELS, (panel + 1) * HIDDEN // PANELS)
        return (packing.pack_a(network.w1[rows], config) + packing.pack_a(network.w2[:, rows], config)
                + network.b1[rows].astype("<u4").tobytes())

    def _owned(self, index: int) -> range:
        """Panels that the node of this index starts with."""
        members = min(PANELS, self.config.nodes - index // PANELS * PANELS)
        return range(index % PANELS, PANELS, members)

    @cached_property
    def job(self) -> Job:
        """Load, start, read."""
        config, symbols = self.config, self.program.symbols
        panels = [self._panel(panel) for panel in range(PANELS)]
        images = packing.pack_b(self.images, config)
        b2 = np.pad(self.network.b2, (0, self.digit_strips * 2 * config.m - DIGITS)).astype("<u4").tobytes()
        data, logits = [], []
        for index, (node, strips) in enumerate(self.strips.items()):
            image_address = symbols["d1_free"]
            hidden_address = image_address + len(strips) * self._image_bytes
            logits_address = hidden_address + len(strips) * self._hidden_bytes
            data += [
                (node, symbols["b2"], b2),
                (node, symbols["job"], struct.pack("<4Q", image_address, hidden_address, logits_address, len(strips))),
                (node, image_address, images[strips.start * self._image_bytes:strips.stop * self._image_bytes]),
            ]
            data += [(node, symbols["panels"] + panel * len(panels[panel]), panels[panel])
                     for panel in self._owned(index)]
            logits.append((node, logits_address, len(strips) * self._logits_bytes))
        spent = [(node, symbols["spent"], config.threads * 16) for node in self.strips]
        return Job(
            name="digits", config=config, programs=dict.fromkeys(self.strips, self.program), data=data,
            start=[(node, thread) for node in self.strips for thread in range(config.threads)],
            reads=logits + spent, done=list(self.strips), max_cycles=200_000)

    def logits(self, result: Result) -> Fp32:
        """L^T, uint32 [DIGITS, images]."""
        config = self.config
        data = b"".join(result.reads[:config.nodes])
        # A block of logits for each column strip, and in it one for each strip of digits: L transposed by blocks.
        strips = len(data) // self._logits_bytes
        blocks = np.frombuffer(data, "<u4").reshape(strips, self.digit_strips, -1).transpose(1, 0, 2)
        return packing.unpack_c(blocks.tobytes(), rows=DIGITS, columns=self.images.shape[1], config=config)

    def phase(self, result: Result) -> int:
        """Cycles from the first thread's start of its first block to the last one's end of its last block."""
        return spent_cycles(result.reads[self.config.nodes:])


def command(arguments: argparse.Namespace) -> int:
    """Carry out ``python -m sim digits``."""
    count = TEST_IMAGES if arguments.images is None else arguments.images
    if count not in range(1, TEST_IMAGES + 1):
        raise SimulationError(f"--images must lie in 1 .. {TEST_IMAGES}, not {count}")
    config = config_of(arguments)
    pixels, digits = (array[:count] for array in test_images())
    network, images = Network.trained(), numerics.bf16_from_values(pixels.T)
    work = Digits(network, images, config)

    expected = expected_logits(network, images, config)
    result = run_model(work.job)
    result.check()
    exact = {"golden model": bool((work.logits(result) == expected).all())}
    rows = []
    if not arguments.model:
        result = run_rtl(work.job, waves=arguments.waves)
        result.check()
        exact["RTL"] = bool((work.logits(result) == expected).all())
        rows = rates(result, config, phase=work.phase(result))
        heatmap.draw(result, config, HEATMAP, title=f"{len(digits)} digits on {config.columns} x {config.rows} nodes")
        rows.append(("traffic", str(HEATMAP.relative_to(ROOT))))
    right = int((work.logits(result).view(np.float32).argmax(axis=0) == digits).sum())
    logits = f"{expected.size:,} logits"
    show(f"{len(digits)} handwritten digits on {config.columns} x {config.rows} nodes of {config.name}", [
        ("recognised", f"{right} of {len(digits)}: {right / len(digits):.1%}"),
        *((f"{name} bit-exact", f"{'yes' if same else 'NO'} ({logits})") for name, same in exact.items()), *rows])
    return 0 if all(exact.values()) else 1
