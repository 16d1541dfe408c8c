"""Every size of the design, in one place.

A `Config` holds the few numbers that a designer chooses; everything else is a property derived from them.
`PRESETS` names the three sizes of the design brief. A value that cannot be built is refused when the
`Config` is made, with a message that quotes it.
"""

from dataclasses import dataclass, replace
from math import ceil, log2

#: Local SRAM starts here in every node's own address space, so that stock RISC-V link scripts work.
SRAM_BASE = 0x8000_0000

#: Width of a flat address. Bit 48 set: [47:40] is the mesh row, [39:32] the mesh column, [31:0] the address
#: inside that node. Bit 48 clear: an address of the node itself.
ADDRESS_BITS = 49
GLOBAL_FLAG = 1 << 48

#: A mesh coordinate in a packet header. Five dies of 18 x 20 nodes a side (a tile) need 100.
COORDINATE_BITS = 7

#: Bytes of a BF16 matrix operand element and of an FP32 accumulator element.
OPERAND_BYTES = 2
ACCUMULATOR_BYTES = 4


def bits_for_count(count: int) -> int:
    """Bits of an index into `count` things; at least 1, so that an index is always a signal."""
    return max(1, ceil(log2(count)))


@dataclass(frozen=True, kw_only=True)
class Config:
    """One size of the design.

    Parameters
    ----------
    name : str
        What the presets, the command line and the reports call it.
    threads : int
        Hardware threads of a node.
    groups : int
        Groups that the threads form: thread t is in group t mod `groups`. Each cycle every group fetches for one of its
        threads, decodes for one and issues from one.
    decode_width, issue_width : int
        Instructions that a group decodes and issues in a cycle.
    instruction_queue : int
        Decoded instructions that wait for issue, for each thread.
    alus : int
        Integer operations and branches issued in a cycle, all groups together.
    branch_targets : int
        Entries of the branch target buffer.
    fair_threads : bool
        Threads take turns; else lower numbers go first.
    integer_writes : int
        Results that the integer registers of a group take in a cycle, one for each issued instruction and late ones.
    vector_writes : int
        Late results that vector registers take in a cycle.
    vector_bytes : int
        Bytes of a vector register, of an SRAM line and of a packet's payload (one number on D1 too: 64).
    matrix : tuple of int
        Rows, columns and depth (M, N, K) of one matrix step, C[M, N] += A[M, K] x B[K, N].
    serial_matrix : bool
        The matrix unit has one datapath, which serves the elements of C one after the other, and takes a function every
        M x N cycles; else one for each element, and a function every cycle. Only without `cfloat8`, and with 4 elements
        or more.
    cfloat8 : bool
        Matrix operands may be in CFloat8.
    vector_interval : int
        Cycles from a vector operation to the next: so many words of a register share a float lane.
    bf16_lanes, integer_lanes, conversions, estimates : bool
        Besides FP32 arithmetic, the vector unit has that of BF16 and of integers, converts between all formats, and
        estimates reciprocals, roots, powers and logarithms.
    gather : bool
        There is an engine that gathers and scatters words.
    hard_multipliers : bool
        The target has multipliers of its own, to which the products of the vector and the matrix unit are left; else
        they are made of partial products and carry-save adders.
    accumulators : int
        M x N accumulators of each thread.
    sram_bytes, sram_banks : int
        SRAM of a node and the single-ported banks it is made of; lines are interleaved over the banks.
    fetch_lines : int
        Lines of the small, non-coherent instruction cache for each thread; the threads share them.
    semaphores : int
        Counting semaphores of a node.
    fifo_depth : int
        Flits a router buffers per input and traffic class (2 to 4).
    single_reads : bool
        Of the flits that wait at an input of a router one leaves in a cycle, so that they are in a memory with a read
        port; else all may leave at once.
    list_queue : int
        List descriptors that can wait at a node's list engine.
    counter_bits : int
        Bits of the counters among a node's control registers; they start at 0 again after that.
    shared_counters : bool
        The counters are in a memory, see `hdl.counters`; else each is a register.
    columns, rows : int
        Nodes of the mesh.

    Raises
    ------
    ValueError
        If a value cannot be built; the message quotes it.
    """

    name: str
    threads: int
    groups: int
    decode_width: int
    issue_width: int
    instruction_queue: int
    alus: int
    branch_targets: int
    fair_threads: bool
    integer_writes: int
    vector_writes: int
    vector_bytes: int
    matrix: tuple[int, int, int]
    serial_matrix: bool
    cfloat8: bool
    vector_interval: int
    bf16_lanes: bool
    integer_lanes: bool
    conversions: bool
    estimates: bool
    gather: bool
    hard_multipliers: bool
    accumulators: int
    sram_bytes: int
    sram_banks: int
    fetch_lines: int
    semaphores: int
    fifo_depth: int
    single_reads: bool
    list_queue: int
    counter_bits: int
    shared_counters: bool
    columns: int
    rows: int

    def __post_init__(self):
        def check(field: str, ok: bool, rule: str):
            if not ok:
                raise ValueError(f"config {self.name!r}: {field} must be {rule}, not {getattr(self, field)!r}")

        def is_int(field: str) -> bool:
            return type(getattr(self, field)) is int

        def power_of_two(field: str, low: int, high: int):
            value = getattr(self, field)
            ok = is_int(field) and low <= value <= high and value & (value - 1) == 0
            check(field, ok, f"a power of two from {low} to {high}")

        def whole(field: str, low: int, high: int):
            check(field, is_int(field) and low <= getattr(self, field) <= high, f"an integer from {low} to {high}")

        power_of_two("threads", 1, 8)
        power_of_two("groups", 1, 2)
        check("groups", self.groups <= self.threads, f"at most the number of threads, {self.threads}")
        power_of_two("decode_width", 2, 8)
        whole("issue_width", 1, 3)
        check("decode_width", self.decode_width >= self.issue_width, f"{self.issue_width}, the issue width, or more")
        power_of_two("instruction_queue", 2, 32)
        check("instruction_queue", self.instruction_queue >= 2 * self.decode_width,
              f"{2 * self.decode_width} or more, for two decoded groups of {self.decode_width}")
        whole("alus", 1, 4)
        power_of_two("branch_targets", 2, 1024)
        for field in ("fair_threads", "serial_matrix", "cfloat8", "bf16_lanes", "integer_lanes", "conversions",
                      "estimates", "gather", "hard_multipliers", "single_reads", "shared_counters"):
            check(field, type(getattr(self, field)) is bool, "True or False")
        whole("integer_writes", self.issue_width, 4)
        whole("vector_writes", 1, 3)
        power_of_two("vector_bytes", 16, 64)
        check("branch_targets", self.branch_targets >= self.fetch_words,
              f"{self.fetch_words} or more, for every instruction of a fetch window")
        power_of_two("vector_interval", 1, self.lanes)
        shape = self.matrix
        check("matrix", isinstance(shape, tuple) and len(shape) == 3
              and all(type(n) is int and n in (1, 2, 4, 8) for n in shape),
              "three powers of two from 1 to 8 (M, N, K)")
        check("matrix", max(self.m, self.n) * self.k * OPERAND_BYTES <= self.vector_bytes,
              f"small enough that an operand fits in a vector register of {self.vector_bytes} bytes")
        check("matrix", self.n * ACCUMULATOR_BYTES <= self.vector_bytes,
              f"narrow enough that an accumulator row fits in a vector register of {self.vector_bytes} bytes")
        if self.serial_matrix:
            check("serial_matrix", not self.cfloat8, "False if there is CFloat8")
            check("serial_matrix", self.m * self.n >= 4, f"False for a matrix of {self.m} x {self.n}")
        power_of_two("accumulators", 1, 8)
        power_of_two("sram_banks", 1, 16)
        granule = self.sram_banks * self.vector_bytes
        check("sram_bytes", is_int("sram_bytes") and 4096 <= self.sram_bytes <= 1 << 22
              and self.sram_bytes % granule == 0,
              f"a multiple of {granule} ({self.sram_banks} banks x {self.vector_bytes} bytes) from 4096 to {1 << 22}")
        power_of_two("fetch_lines", 2, 16)
        power_of_two("semaphores", 2, 32)
        whole("fifo_depth", 2, 4)
        power_of_two("list_queue", 1, 16)
        whole("counter_bits", 24, 64)
        whole("columns", 1, (1 << COORDINATE_BITS) - 1)
        whole("rows", 1, (1 << COORDINATE_BITS) - 2)

    def with_mesh(self, *, columns: int, rows: int) -> "Config":
        """The same node in a mesh of another size."""
        return replace(self, columns=columns, rows=rows)

    # Threads and registers

    @property
    def thread_bits(self) -> int:
        return bits_for_count(self.threads)

    @property
    def slots(self) -> int:
        """Instructions issued in a cycle: slot s is the s mod `issue_width`-th of group s div `issue_width`."""
        return self.groups * self.issue_width

    @property
    def fetch_words(self) -> int:
        """Instructions of an aligned fetch window: 32 bytes, or a line if that is less."""
        return min(32, self.vector_bytes) // 4

    @property
    def vector_bits(self) -> int:
        return self.vector_bytes * 8

    @property
    def lanes(self) -> int:
        """FP32 words of a vector register."""
        return self.vector_bytes // 4

    @property
    def float_lanes(self) -> int:
        """Float lanes of the vector unit."""
        return self.lanes // self.vector_interval

    # Matrix unit

    @property
    def m(self) -> int:
        return self.matrix[0]

    @property
    def n(self) -> int:
        return self.matrix[1]

    @property
    def k(self) -> int:
        return self.matrix[2]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one matrix step."""
        return self.m * self.n * self.k

    @property
    def matrix_interval(self) -> int:
        """Cycles from a matrix step to the next."""
        return self.m * self.n if self.serial_matrix else 1

    @property
    def peak_macs(self) -> int:
        """Multiply-accumulates of a node in a cycle."""
        return self.macs // self.matrix_interval

    @property
    def accumulator_bits(self) -> int:
        """Bits of an accumulator's index within its thread."""
        return bits_for_count(self.accumulators)

    @property
    def rows_per_part(self) -> int:
        """Accumulator rows that one vector register holds."""
        return min(self.m, self.vector_bytes // (self.n * ACCUMULATOR_BYTES))

    @property
    def parts(self) -> int:
        """Vector registers that one accumulator fills."""
        return self.m // self.rows_per_part

    # Memory

    @property
    def line_offset_bits(self) -> int:
        return bits_for_count(self.vector_bytes)

    @property
    def sram_lines(self) -> int:
        return self.sram_bytes // self.vector_bytes

    @property
    def line_bits(self) -> int:
        """Bits of a line's index within the SRAM."""
        return bits_for_count(self.sram_lines)

    @property
    def bank_lines(self) -> int:
        return self.sram_lines // self.sram_banks

    @property
    def sram_end(self) -> int:
        """First address after the SRAM."""
        return SRAM_BASE + self.sram_bytes

    @property
    def semaphore_bits(self) -> int:
        return bits_for_count(self.semaphores)

    # Mesh

    @property
    def nodes(self) -> int:
        return self.columns * self.rows

    def coordinates(self) -> list[tuple[int, int]]:
        """(x, y) of every node, row by row. Row 0 of the mesh is the host edge, so y counts from 1."""
        return [(x, y) for y in range(1, self.rows + 1) for x in range(self.columns)]


def global_address(*, x: int, y: int, address: int) -> int:
    """The flat address of `address` in node (x, y)."""
    return GLOBAL_FLAG | y << 40 | x << 32 | address


D1 = Config(
    name="D1", threads=4, groups=2, decode_width=4, issue_width=3, instruction_queue=8, alus=2, branch_targets=128,
    fair_threads=True, integer_writes=3, vector_writes=3, vector_bytes=64, matrix=(8, 8, 4), serial_matrix=False,
    accumulators=4, cfloat8=True, vector_interval=1, bf16_lanes=True, integer_lanes=True, conversions=True,
    estimates=True, gather=True, hard_multipliers=False, sram_bytes=1280 * 1024, sram_banks=16, fetch_lines=16,
    semaphores=32, fifo_depth=4, single_reads=False, list_queue=4, counter_bits=64, shared_counters=False, columns=1,
    rows=1,
)
SIM = replace(D1, name="SIM", sram_bytes=128 * 1024, columns=2, rows=2)
ULX3S = replace(
    D1, name="ULX3S", threads=2, groups=1, decode_width=2, issue_width=1, instruction_queue=4, alus=1,
    branch_targets=16, integer_writes=1, vector_writes=1, fetch_lines=16, vector_bytes=16, vector_interval=4,
    matrix=(2, 2, 2), serial_matrix=True, sram_bytes=32 * 1024, sram_banks=1, semaphores=8, fifo_depth=3, cfloat8=False,
    bf16_lanes=False, integer_lanes=False, conversions=False, estimates=False, gather=False, hard_multipliers=True,
    single_reads=True, counter_bits=32, shared_counters=True, columns=2, rows=2,
)
PRESETS = {preset.name: preset for preset in (D1, SIM, ULX3S)}


def preset(name: str) -> Config:
    """The preset called `name`, or a ValueError that lists the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"no preset is called {name!r}; there are {', '.join(PRESETS)}") from None
