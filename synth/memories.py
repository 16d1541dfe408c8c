"""Memories are kept out of the logic: each becomes a black box, and for timing a Liberty cell that answers at once.

Those that say so themselves, by the attribute ``ram_style = "latches"``, are built from the PDK's latches instead.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .pdk import Library

#: Memories of so few words are built from flip-flops: FIFOs.
SMALL_WORDS = 8

#: More flip-flops than a FIFO can need.
MOST_FLIP_FLOPS = 16384

#: What the names of the black boxes start with.
PREFIX = "memory_"

#: The attribute of a memory that is to be built from latches, as Yosys writes it.
_LATCHES = "latches"

#: A memory of latches, with a write port and read ports that answer at once, and one of its words. A word is open in
#: the low half of a cycle in which it is written; what it lets through is not to be read before the next cycle. The
#: buffers are so that its many loads do not slow down what else the data goes to.
_LATCH_MEMORY = """module {name}({ports});
wire [{top}:0] data;
{buffer} buffer [{top}:0] (.{buffer_input}(WR_DATA), .{buffer_output}(data));
{words}{reads}endmodule
"""
_LATCH_WORD = """wire [{top}:0] word{index};
wire open{index} = ~WR_CLK & WR_EN[0] & {written};
{latch} latch{index} [{top}:0] (.{enable}(open{index}), .{data}(data), .{output}(word{index}));
"""
_LATCH_READ = "assign RD_DATA[{bits}] = {words};\n"

#: Capacitance of a memory's input, about that of a gate's, in femtofarads, and slew of its outputs in picoseconds.
_INPUT_FF = 1
_SLEW_PS = 20

_LIBRARY = """library (memories) {{
  delay_model : table_lookup;
  time_unit : "1ps";
  voltage_unit : "1V";
  current_unit : "1mA";
  capacitive_load_unit (1, ff);
  pulling_resistance_unit : "1kohm";
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  slew_lower_threshold_pct_rise : 10; slew_lower_threshold_pct_fall : 10;
  slew_upper_threshold_pct_rise : 90; slew_upper_threshold_pct_fall : 90;
{types}{cells}}}
"""


@dataclass(frozen=True)
class Memory:
    """A shape of memory that is kept out of the netlist as a black box, with Yosys's own port names.

    Attributes
    ----------
    words, width : int
        Its size.
    address_bits : int
        Of each port.
    reads, writes : int
        Ports.
    latches : bool
        Built from latches, not kept out.
    """

    words: int
    width: int
    address_bits: int
    reads: int
    writes: int
    latches: bool = False

    @property
    def name(self) -> str:
        return f"{'latches_' if self.latches else PREFIX}{self.words}x{self.width}_{self.reads}r{self.writes}w"

    @property
    def bits(self) -> int:
        return self.words * self.width

    def ports(self) -> Iterator[tuple[str, str, int]]:
        """Name, direction and width of each port: all read ports side by side, and all write ports."""
        ports = []
        if self.reads:
            ports += [("RD_ADDR", "input", self.reads * self.address_bits),
                      ("RD_DATA", "output", self.reads * self.width)]
        if self.writes:
            inputs = (("CLK", 1), ("EN", self.width), ("ADDR", self.address_bits), ("DATA", self.width))
            ports += [(f"WR_{port}", "input", self.writes * width) for port, width in inputs]
        return (port for port in ports if port[2])  # one word has no address


def marked(text: str) -> str:
    """Verilog whose memories of latches stay memories: Yosys would make registers of those of one word."""
    style = f'ram_style = "{_LATCHES}"'
    return text.replace(f"(* {style} *)", f"(* {style}, nomem2reg *)")


class TooManyFlipFlops(ValueError):
    """A memory of few words is so wide that it cannot be meant to become flip-flops."""


def verilog(memory: Memory, library: Library | None) -> str:
    """A memory as a black box, or what is to be in its place: the latches of `library`."""
    ports = ", ".join(f"{direction} [{width - 1}:0] {name}" for name, direction, width in memory.ports())
    if not memory.latches:
        return f"(* blackbox *) module {memory.name}({ports});\nendmodule\n"
    assert library is not None
    assert library.latch is not None
    assert library.latch.latch is not None
    enable, data = library.latch.latch

    def part(port: int, width: int) -> str:
        """The bits of a port among those of all, side by side."""
        return f"{(port + 1) * width - 1}:{port * width}"

    def chosen(kind: str, port: int, word: int) -> str:
        address = f"{kind}_ADDR[{part(port, memory.address_bits)}]"
        return f"{address} == {memory.address_bits}'d{word}" if memory.address_bits else "1'b1"

    words = "".join(_LATCH_WORD.format(
        index=word, written=chosen("WR", 0, word), top=memory.width - 1,
        latch=library.latch.name, enable=enable, data=data, output=library.latch.output)
        for word in range(memory.words))
    reads = "".join(_LATCH_READ.format(bits=part(port, memory.width), words=" | ".join(
        f"{{{memory.width}{{{chosen('RD', port, word)}}}}} & word{word}" for word in range(memory.words)))
        for port in range(memory.reads))
    return _LATCH_MEMORY.format(
        name=memory.name, ports=ports, words=words, reads=reads, top=memory.width - 1,
        buffer=library.buffer.name, buffer_input=library.buffer.inputs[0], buffer_output=library.buffer.output)


def behaviour(memory: Memory) -> str:
    """A memory that was kept out, for simulation."""
    ports = ", ".join(f"{direction} [{width - 1}:0] {name}" for name, direction, width in memory.ports())
    address, width = memory.address_bits, memory.width
    writes = "".join(
        f"  for (i = 0; i < {width}; i = i + 1)\n"
        f"    if (WR_EN[{port * width} + i]) words[WR_ADDR[{port * address} +: {address}]][i] <= "
        f"WR_DATA[{port * width} + i];\n" for port in range(memory.writes))
    reads = "".join(
        f"assign RD_DATA[{port * width} +: {width}] = words[RD_ADDR[{port * address} +: {address}]];\n"
        for port in range(memory.reads))
    return (f"module {memory.name}({ports});\nreg [{width - 1}:0] words [0:{memory.words - 1}];\ninteger i;\n"
            f"always @(posedge WR_CLK[0]) begin\n{writes}end\n{reads}endmodule\n")


def take_out(netlist: dict, *, latches: bool) -> dict[str, Memory]:
    """Make ``$mem_v2`` cells of more than `SMALL_WORDS` words, and those of latches, instances; return those by name.

    All reads answer at once: what registers them has to be outside, as ``synth -nordff`` leaves it.

    Without `latches`, what would be built from them is kept out like the others. A memory of few words with more than
    `MOST_FLIP_FLOPS` bits is an error.
    """
    memories = {}
    for module in netlist["modules"].values():
        for label, cell in module["cells"].items():
            if cell["type"] != "$mem_v2":
                continue
            number = {name: int(value, 2) for name, value in cell["parameters"].items()
                      if name in ("SIZE", "WIDTH", "ABITS", "RD_PORTS", "WR_PORTS")}
            of_latches = latches and number["WR_PORTS"] == 1 and cell["attributes"].get("ram_style") == _LATCHES
            if number["SIZE"] <= SMALL_WORDS and not of_latches:
                if number["SIZE"] * number["WIDTH"] > MOST_FLIP_FLOPS:
                    raise TooManyFlipFlops(
                        f"memory {label} of {number['SIZE']} x {number['WIDTH']} bits would become flip-flops, more "
                        f"than {MOST_FLIP_FLOPS:,}: give it more than {SMALL_WORDS} words, or make it a macro")
                continue
            memory = Memory(words=number["SIZE"], width=number["WIDTH"], address_bits=number["ABITS"],
                            reads=number["RD_PORTS"], writes=number["WR_PORTS"], latches=of_latches)
            memories[memory.name] = memory
            directions = {name: direction for name, direction, _ in memory.ports()}
            cell |= {"type": memory.name, "parameters": {}, "port_directions": directions,
                     "connections": {name: cell["connections"][name] for name in directions}}
    return memories


def _arc(timing_type: str, related: str, tables: str, value: float = 0, slew: float | None = None) -> str:
    values = [(f"{table}", value) for table in tables.split()]
    if slew is not None:
        values += [("rise_transition", slew), ("fall_transition", slew)]
    text = " ".join(f'{name} (scalar) {{ values ("{number}"); }}' for name, number in values)
    return f"timing () {{ {related}; timing_type : {timing_type}; {text} }}"


def _cell(memory: Memory) -> str:
    """Reads take no time from the address; inputs need none before the clock."""
    lines = []
    for name, direction, width in memory.ports():
        attributes = [f"bus_type : bits_{width}", f"direction : {direction}"]
        arcs = []
        if name == "WR_CLK":
            attributes.append("clock : true")
        if direction == "input":
            attributes.append(f"capacitance : {_INPUT_FF}")
            if name not in ("WR_CLK", "RD_ADDR"):
                arcs.append(_arc("setup_rising", 'related_pin : "WR_CLK[0]"', "rise_constraint fall_constraint"))
        else:
            arcs.append(_arc("combinational", 'related_bus_pins : "RD_ADDR"', "cell_rise cell_fall", slew=_SLEW_PS))
        lines.append(f"    bus ({name}) {{ {'; '.join(attributes)}; {' '.join(arcs)} }}\n")
    return f"  cell ({memory.name}) {{\n    area : 0; is_macro_cell : true;\n{''.join(lines)}  }}\n"


def liberty(memories: Iterable[Memory]) -> str:
    """A library of the memories for timing analysis."""
    memories = list(memories)
    widths = sorted({width for memory in memories for _, _, width in memory.ports()})
    types = "".join(
        f"  type (bits_{width}) {{ base_type : array; data_type : bit; bit_width : {width}; "
        f"bit_from : {width - 1}; bit_to : 0; downto : true; }}\n" for width in widths)
    return _LIBRARY.format(types=types, cells="".join(map(_cell, memories)))
