"""The golden model of a node and a mesh: semaphores, lists, other nodes and the host, against docs/architecture.md."""

import struct
from dataclasses import replace
from random import Random

import pytest

from hdl.config import D1, SIM, SRAM_BASE, ULX3S, global_address
from hdl.isa import BY_NAME, Cause, CsrNumber
from hdl.memory_map import (
    CHAIN_LIMIT,
    CONTROL_BASE,
    Descriptor,
    ErrorCode,
    NodeRegister,
    State,
    ThreadRegister,
    node_register,
    thread_register,
)
from sim.assembler import assemble as asm
from sim.errors import AccessError, Deadlock, OutOfSteps
from sim.machine import SEMAPHORE_LIMIT
from sim.mesh import Mesh
from sim.thread_state import ThreadState
from tests.riscv import ONE_NODE, WINDOW, Single, li, pack

LINE = ONE_NODE.vector_bytes


# Semaphores

def words_for_wait(semaphore: int, amount: int) -> list[int]:
    return [*li(1, semaphore), *li(2, amount), asm("sem.wait", rs1=1, rs2=2)]


def test_semaphore_counts(single):
    single.set(x1=3, x2=2)
    single.run(*[asm("sem.post", rs1=1)] * 5, asm("sem.wait", rs1=1, rs2=2), asm("sem.wait", rs1=1, rs2=0))
    assert single.node.semaphores[3] == 3


def test_semaphore_is_tried(single):
    single.node.semaphores[3] = 5
    single.set(x1=3, x2=0x30004, x3=2)
    single.run(*[asm("sem.try", rd=rd, rs1=1, rs2=rs2) for rd, rs2 in ((4, 2), (5, 3), (0, 4), (6, 0))])
    assert [single.thread.x[number] for number in (4, 5, 6, 0)] == [1, 0, 1, 0]
    assert single.node.semaphores[3] == 0


def test_waiting_thread_is_woken_by_another_and_only_by_its_whole_amount():
    single = Single()
    wait, post = SRAM_BASE, SRAM_BASE + 0x1000
    single.mesh.write(0, 1, wait, pack([*words_for_wait(5, 3), asm("addi", rd=3, rs1=0, imm=1), asm("ebreak")]))
    single.mesh.write(0, 1, post, pack([*li(1, 5), *[asm("sem.post", rs1=1)] * 2, asm("ebreak")]))
    single.mesh.start(0, 1, 1, wait)
    with pytest.raises(Deadlock, match=r"node 0,1 thread 1 waiting at 0x80000068 for 3 of semaphore 5, which is at 0"):
        single.mesh.run(max_steps=100)
    waiting = single.mesh.state(0, 1, 1)
    single.mesh.start(0, 1, 0, post)
    with pytest.raises(Deadlock, match="semaphore 5, which is at 2"):
        single.mesh.run(max_steps=100)
    assert single.mesh.state(0, 1, 1) == waiting
    single.mesh.post(0, 1, 5)
    assert single.mesh.state(0, 1, 1).instret == waiting.instret + 1
    single.mesh.run(max_steps=100)
    assert (single.mesh.state(0, 1, 1).state, single.node.threads[1].x[3]) == (State.TRAPPED, 1)
    assert single.node.semaphores[5] == 0


def test_waiting_threads_are_served_in_turn():
    single = Single()
    single.mesh.write(0, 1, SRAM_BASE, pack([*words_for_wait(0, 1), asm("jal", rd=0, imm=-4)]))
    for thread in range(4):
        single.mesh.start(0, 1, thread, SRAM_BASE)
    with pytest.raises(Deadlock):
        single.mesh.run(max_steps=100)
    served = []
    for _ in range(8):
        before = [thread.instret for thread in single.node.threads]
        single.mesh.post(0, 1, 0)
        served += [index for index, thread in enumerate(single.node.threads) if thread.instret > before[index]]
        with pytest.raises(Deadlock):
            single.mesh.run(max_steps=100)
    assert served == [0, 1, 2, 3, 0, 1, 2, 3]


def test_full_semaphore_refuses(single):
    single.node.semaphores[2] = SEMAPHORE_LIMIT
    single.set(x1=2)
    assert single.run(asm("sem.post", rs1=1)).cause == Cause.BREAKPOINT
    assert (single.node.semaphores[2], single.node.errors) == (SEMAPHORE_LIMIT, 1)
    assert single.node.first_error == ErrorCode.OVERFLOW


@pytest.mark.parametrize("name, value, cause", [
    ("sem.post", 32, 24), ("sem.post", 0xFFFFFFFF, 24), ("sem.wait", 32, 24), ("sem.try", 32, 24),
    ("sem.post", global_address(x=1, y=1, address=0), 7), ("sem.post", global_address(x=0, y=0, address=0), 7),
    ("sem.post", global_address(x=0, y=1, address=32), 24)])
def test_semaphore_faults(single, name, value, cause):
    single.set(x1=value)
    operands = {"sem.post": {}, "sem.wait": {"rs2": 0}, "sem.try": {"rd": 5, "rs2": 0}}[name]
    state = single.run(asm(name, rs1=1, **operands))
    assert (state.cause, state.tval) == (cause, value)


def test_remote_post():
    mesh = Mesh(SIM)
    target = global_address(x=1, y=2, address=4)
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, target), asm("sem.post", rs1=1), asm("ebreak")]))
    mesh.write(1, 2, SRAM_BASE, pack([*words_for_wait(4, 1), asm("ebreak")]))
    for node in ((0, 1), (1, 2)):
        mesh.start(*node, 0, SRAM_BASE)
    mesh.run(max_steps=100)
    assert mesh.state(1, 2, 0).state is State.TRAPPED


# Lists

@pytest.fixture
def mesh() -> Mesh:
    """Two by two nodes with a pattern in the window of node (0, 1)."""
    mesh = Mesh(SIM)
    mesh.write(0, 1, WINDOW, Random(4).randbytes(64 * LINE))
    return mesh


def push(mesh: Mesh, descriptor: Descriptor, offset: int = 0) -> None:
    """Let thread 0 of node (0, 1) push a descriptor."""
    address = SRAM_BASE + 0x2000
    mesh.write(0, 1, address, descriptor.to_bytes(mesh.config))
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, address + offset), asm("list.push", rs1=1), asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=100)


DESTINATION = SRAM_BASE + 0x10000


def there(x: int, y: int, address: int = DESTINATION) -> int:
    return global_address(x=x, y=y, address=address)


def test_list_of_rows_to_another_node(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 2), lines=2, rows=3, source_stride=5 * LINE,
                          destination_stride=3 * LINE, signal=8, done=3))
    source, found = mesh.read(0, 1, WINDOW, 64 * LINE), mesh.read(1, 2, DESTINATION, 8 * LINE)
    for row in range(3):
        start = row * 5 * LINE
        assert found[row * 3 * LINE:(row * 3 + 2) * LINE] == source[start:start + 2 * LINE]
    assert found[2 * LINE:3 * LINE] == bytes(LINE)
    assert (mesh.nodes[1, 2].semaphores[7], mesh.nodes[0, 1].semaphores[2]) == (1, 1)
    assert sum(node.errors for node in mesh.nodes.values()) == 0


def test_list_backwards_and_within_the_node(mesh):
    """Strides are modulo 2^32; without the flag the destination is the node itself."""
    push(mesh, Descriptor(source=WINDOW + 3 * LINE, destination=DESTINATION, rows=4, source_stride=-LINE & 0xFFFFFFFF,
                          destination_stride=LINE))
    source, found = mesh.read(0, 1, WINDOW, 4 * LINE), mesh.read(0, 1, DESTINATION, 4 * LINE)
    assert found == b"".join(source[row * LINE:(row + 1) * LINE] for row in (3, 2, 1, 0))


@pytest.mark.parametrize("changes, code", [
    ({"reserved": b"\1"}, ErrorCode.DESCRIPTOR), ({"lines": 0}, ErrorCode.DESCRIPTOR),
    ({"rows": 0}, ErrorCode.DESCRIPTOR),
    ({"source": WINDOW + 8}, ErrorCode.DESCRIPTOR), ({"destination": there(1, 1) + 1}, ErrorCode.DESCRIPTOR),
    ({"source_stride": 4}, ErrorCode.DESCRIPTOR), ({"destination_stride": 32}, ErrorCode.DESCRIPTOR),
    ({"signal": 33}, ErrorCode.SEMAPHORE), ({"destination": there(2, 1)}, ErrorCode.DESTINATION),
    ({"destination": there(0, 0)}, ErrorCode.DESTINATION), ({"source": CONTROL_BASE}, ErrorCode.ADDRESS),
    ({"source": 1 << 32 | WINDOW}, ErrorCode.ADDRESS), ({"destination": there(1, 1, CONTROL_BASE)}, ErrorCode.ADDRESS),
    ({"destination": 1 << 49 | DESTINATION}, ErrorCode.ADDRESS),
    ({"destination": 1 << 40 | DESTINATION}, ErrorCode.ADDRESS),
])
def test_refused_lists(mesh, changes, code):
    """The error is counted, `done` is posted, `signal` is not."""
    fields = {"source": WINDOW, "destination": there(1, 1), "signal": 1, "done": 2}
    push(mesh, Descriptor(**fields | changes))
    node = mesh.nodes[0, 1]
    assert (node.errors, node.first_error & 0xF, node.semaphores[1]) == (1, code, 1)
    assert all(not other.semaphores[0] and not any(other.sram) for key, other in mesh.nodes.items() if key != (0, 1))


def pull(mesh: Mesh, *chain: Descriptor) -> None:
    """Let thread 0 of node (0, 1) pull a chain of descriptors."""
    first = SRAM_BASE + 0x2000
    for number, descriptor in enumerate(chain):
        following = first + (number + 1) * LINE if number + 1 < len(chain) else 0
        mesh.write(0, 1, first + number * LINE, replace(descriptor, next=following).to_bytes(mesh.config))
    mesh.write(0, 1, SRAM_BASE, pack([*li(1, first), asm("list.pull", rs1=1), asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=100)


def test_pulls_of_a_chain(mesh):
    """Each posts `done` and `signal` here; the second begins after the first and can use what that has brought."""
    data = Random(5).randbytes(8 * LINE)
    mesh.write(1, 2, WINDOW, data)
    pull(mesh, Descriptor(source=there(1, 2, WINDOW), destination=DESTINATION, lines=2, rows=2, source_stride=4 * LINE,
                          destination_stride=2 * LINE, signal=8, done=3),
         Descriptor(source=DESTINATION, destination=DESTINATION + 8 * LINE, lines=4, done=3))
    expected = data[:2 * LINE] + data[4 * LINE:6 * LINE]
    assert mesh.read(0, 1, DESTINATION, 4 * LINE) == mesh.read(0, 1, DESTINATION + 8 * LINE, 4 * LINE) == expected
    node = mesh.nodes[0, 1]
    assert (node.semaphores[7], node.semaphores[2], node.errors) == (1, 2, 0)


def test_gather_takes_rows_by_their_numbers(mesh):
    numbers = (5, 0, 63, 5)
    mesh.write(0, 1, SRAM_BASE + 0x3000, struct.pack("<4I", *numbers))
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), rows=4, gather=SRAM_BASE + 0x3000,
                          destination_stride=LINE))
    source = mesh.read(0, 1, WINDOW, 64 * LINE)
    assert mesh.read(1, 1, DESTINATION, 4 * LINE) == b"".join(source[n * LINE:(n + 1) * LINE] for n in numbers)


def test_lists_use_nothing_that_cannot_be_read(mesh):
    """Of its lines it is not sent, of a gather what depends on it, of a descriptor nothing; no `signal` follows."""
    node, other = mesh.nodes[0, 1], mesh.nodes[1, 1]
    table, plain = SRAM_BASE + 0x3000, Descriptor(
        source=WINDOW, destination=there(1, 1), lines=1, rows=3, source_stride=LINE, destination_stride=LINE, signal=1,
        done=2)
    mesh.write(0, 1, table, struct.pack("<20I", *range(20)))
    source = mesh.read(0, 1, WINDOW, 64 * LINE)
    cases = (
        (WINDOW + LINE + 8, plain, (0, 2), 1, 1),
        (table + 8, replace(plain, gather=table), (), 1, 1),
        (table + LINE + 60, replace(plain, gather=table, rows=20), range(LINE // 4), 1, 1),
        (SRAM_BASE + 0x2000 + 40, plain, (), 0, 1),
        (WINDOW + LINE, replace(plain, rows=2, destination=there(0, 1), more_columns=1, more_rows=1), (0,), 1, 4),
    )
    for count, (wrong, descriptor, rows, done, errors) in enumerate(cases):
        mesh.write(1, 1, DESTINATION, bytes(64 * LINE))
        before = node.errors, node.semaphores[1]
        mesh.write(0, 1, SRAM_BASE + 0x2000, descriptor.to_bytes(mesh.config))
        node.inject(wrong, 3, 70)
        mesh.write(0, 1, SRAM_BASE, pack([*li(1, SRAM_BASE + 0x2000), asm("list.push", rs1=1), asm("ebreak")]))
        mesh.start(0, 1, 0, SRAM_BASE)
        mesh.run(max_steps=100)
        expected = bytearray(64 * LINE)
        for row in rows:
            expected[row * LINE:(row + 1) * LINE] = source[row * LINE:(row + 1) * LINE]
        assert mesh.read(1, 1, DESTINATION, 64 * LINE) == expected, count
        assert (node.errors - before[0], node.semaphores[1] - before[1]) == (errors, done), count
        assert other.semaphores[0] == 0
        node.uncorrectable.clear()
    assert node.first_error == (WINDOW + LINE & 0xFFFF_FFFF) << 32 | ErrorCode.MEMORY


def test_a_pull_of_a_line_that_cannot_be_read_fails(mesh):
    """Both nodes count it; `done` is posted and `signal` is not, nor is the chain gone on with."""
    mesh.nodes[1, 2].inject(WINDOW + LINE, 0, 1)
    plain = Descriptor(source=there(1, 2, WINDOW), destination=DESTINATION, lines=2, signal=8, done=3)
    pull(mesh, plain, plain)
    assert [mesh.nodes[key].errors for key in ((0, 1), (1, 2))] == [1, 1]
    assert (mesh.nodes[0, 1].semaphores[7], mesh.nodes[0, 1].semaphores[2]) == (0, 1)
    assert mesh.nodes[0, 1].first_error == (WINDOW + LINE & 0xFFFF_FFFF) << 32 | ErrorCode.MEMORY


@pytest.mark.parametrize("columns, rows, nodes", [
    (1, 0, {(0, 1), (1, 1)}), (0, 1, {(0, 1), (0, 2)}), (1, 1, {(0, 1), (1, 1), (0, 2), (1, 2)})])
def test_broadcast_reaches_a_rectangle(mesh, columns, rows, nodes):
    push(mesh, Descriptor(source=WINDOW, destination=there(0, 1), lines=2, more_columns=columns, more_rows=rows,
                          signal=1, done=2))
    for key, node in mesh.nodes.items():
        assert node.semaphores[0] == (key in nodes)
        assert (mesh.read(*key, DESTINATION, 2 * LINE) == mesh.read(0, 1, WINDOW, 2 * LINE)) == (key in nodes)
    assert mesh.nodes[0, 1].semaphores[1] == 1


def test_chain_that_loops_ends(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, done=2, next=SRAM_BASE + 0x2000))
    node = mesh.nodes[0, 1]
    assert (node.semaphores[1], mesh.nodes[1, 1].semaphores[0]) == (CHAIN_LIMIT, CHAIN_LIMIT)
    assert ErrorCode.report(node.first_error) == "CHAIN at 0x80002000"


@pytest.mark.parametrize("following", [WINDOW + 8, SIM.sram_end, 64])
def test_chain_that_points_nowhere_ends(mesh, following):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, next=following))
    assert mesh.nodes[1, 1].semaphores[0] == 1
    assert ErrorCode.report(mesh.nodes[0, 1].first_error) == f"ADDRESS at {following:#x}"


# Atomics and other nodes

def thread_of(mesh: Mesh, *words: int) -> ThreadState:
    """Thread 0 of node (0, 1) after some instructions and, if nothing trapped before, an `ebreak`."""
    mesh.write(0, 1, SRAM_BASE, pack([*words, asm("ebreak")]))
    mesh.start(0, 1, 0, SRAM_BASE)
    mesh.run(max_steps=200)
    return mesh.state(0, 1, 0)


@pytest.mark.parametrize("place", [WINDOW, there(0, 1, WINDOW), there(1, 2, WINDOW)])
def test_atomics_change_words_anywhere(mesh, place):
    def word(value: int, bits: int = 64) -> int:
        return value & (1 << bits) - 1

    x, y = (1, 2) if place == there(1, 2, WINDOW) else (0, 1)
    for name, old, operand, expected, new in (
            ("amoadd.d", -1, 3, 0, 2), ("amoswap.d", 5, 9, 0, 9), ("amoxor.d", 12, 10, 0, 6),
            ("amoor.d", 12, 10, 0, 14), ("amoand.d", 12, 10, 0, 8), ("amomin.d", -5, 4, 0, -5),
            ("amomax.d", -5, 4, 0, 4), ("amominu.d", -5, 4, 0, 4), ("amomaxu.d", -5, 4, 0, -5),
            ("amocas.d", 7, 1, 7, 1), ("amocas.d", 7, 1, 8, 7)):
        mesh.write(x, y, WINDOW, word(old).to_bytes(8, "little"))
        state = thread_of(mesh, *li(1, place), *li(2, word(operand)), *li(3, expected),
                          asm(name, rd=3, rs1=1, rs2=2))
        assert state.cause == Cause.BREAKPOINT
        assert mesh.nodes[0, 1].threads[0].x[3] == word(old)
        assert int.from_bytes(mesh.read(x, y, WINDOW, 8), "little") == word(new)
    mesh.write(x, y, WINDOW, (0xFFFF_FFFF_8000_0000_1234_5678).to_bytes(12, "little"))
    thread_of(mesh, *li(1, place + 4), *li(2, 1 << 32 | 1), asm("amomax.w", rd=3, rs1=1, rs2=2))
    assert mesh.nodes[0, 1].threads[0].x[3] == word(-1 << 31)
    assert mesh.read(x, y, WINDOW, 12) == (0xFFFF_FFFF_0000_0001_1234_5678).to_bytes(12, "little")


@pytest.mark.parametrize("name, address, cause", [
    ("ld", there(2, 1, WINDOW), Cause.LOAD_ACCESS), ("sd", there(0, 3, WINDOW), Cause.STORE_ACCESS),
    ("ld", there(1, 1, WINDOW) | 1 << 49, Cause.LOAD_ACCESS), ("ld", there(1, 1, 0x1000), Cause.LOAD_ACCESS),
    ("sd", there(1, 1, 0x1000), Cause.STORE_ACCESS), ("ld", there(1, 1, WINDOW + 60), Cause.LOAD_MISALIGNED),
    ("sd", there(2, 1, WINDOW + 60), Cause.STORE_ACCESS), ("sd", there(1, 1, WINDOW + 60), Cause.STORE_MISALIGNED),
    ("amoadd.d", WINDOW + 4, Cause.STORE_MISALIGNED), ("amoadd.w", there(1, 1, WINDOW + 2), Cause.STORE_MISALIGNED),
    ("amoadd.d", there(1, 1, CONTROL_BASE), Cause.STORE_ACCESS), ("amoadd.d", 0x1000, Cause.STORE_ACCESS),
    ("put.d", there(2, 1, WINDOW), Cause.STORE_ACCESS), ("put.d", there(1, 1, 0x1000), Cause.BREAKPOINT),
])
def test_bad_accesses_of_other_nodes_trap_precisely(mesh, name, address, cause):
    """What a node itself refuses is counted there."""
    words = li(1, address)
    values = {"rd": 3, "rs1": 1, "rs2": 2, "imm": 0}
    state = thread_of(mesh, *words, asm(name, **{key: values[key] for key in BY_NAME[name].operands}))
    assert state.cause == cause
    if cause is not Cause.BREAKPOINT:
        assert (state.epc, state.tval) == (SRAM_BASE + 4 * len(words), address)
    counted = mesh.nodes[1, 1].errors
    assert counted == (address in (there(1, 1, 0x1000), there(1, 1, CONTROL_BASE)))


def test_a_thread_starts_a_thread_of_another_node(mesh):
    """By its control registers; a vector goes there and comes back."""
    register = there(1, 2, thread_register(3, ThreadRegister.PC))
    mesh.write(1, 2, SRAM_BASE, pack([asm("ebreak")]))
    state = thread_of(mesh, *li(1, register), *li(2, SRAM_BASE), asm("sd", rs2=2, rs1=1, imm=0),
                      asm("addi", rd=3, rs1=0, imm=1), asm("sd", rs2=3, rs1=1, imm=8), asm("ld", rd=4, rs1=1, imm=0),
                      *li(5, WINDOW), asm("vld", vd=1, rs1=5, imm=0), *li(6, there(1, 2, WINDOW)),
                      asm("vst", vs2=1, rs1=6, imm=0), asm("vld", vd=2, rs1=6, imm=0))
    assert state.cause == mesh.state(1, 2, 3).cause == Cause.BREAKPOINT
    assert mesh.nodes[0, 1].threads[0].x[4] == SRAM_BASE
    assert mesh.nodes[0, 1].threads[0].v[2] == mesh.read(0, 1, WINDOW, LINE)


def test_list_is_refused_from_the_bad_line_on(mesh):
    end = SIM.sram_end
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1, end - 2 * LINE), lines=3, signal=1, done=1))
    assert mesh.read(1, 1, end - 2 * LINE, 2 * LINE) == mesh.read(0, 1, WINDOW, 2 * LINE)
    node = mesh.nodes[0, 1]
    assert (node.errors, node.first_error >> 32, node.semaphores[0]) == (1, end & 0xFFFFFFFF, 1)
    assert mesh.nodes[1, 1].semaphores[0] == 0


def test_semaphore_of_done_out_of_range(mesh):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1), signal=1, done=33))
    assert mesh.nodes[0, 1].first_error & 0xF == ErrorCode.SEMAPHORE
    assert mesh.nodes[1, 1].semaphores[0] == 0


@pytest.mark.parametrize("offset, cause", [(8, Cause.STORE_MISALIGNED), (-0x2000 - LINE, Cause.STORE_ACCESS),
                                           (-0x2000 - 8, Cause.STORE_ACCESS)])
def test_faults_of_pushes(mesh, offset, cause):
    push(mesh, Descriptor(source=WINDOW, destination=there(1, 1)), offset)
    state = mesh.state(0, 1, 0)
    assert (state.cause, state.tval) == (cause, SRAM_BASE + 0x2000 + offset)


def test_small_lines_make_descriptors_of_three_lines():
    assert (Descriptor.size(ULX3S), Descriptor.size(D1)) == (48, 64)
    descriptor = Descriptor(source=1, destination=2, lines=3, rows=4, source_stride=5, destination_stride=6, signal=7,
                            done=8, reserved=bytes(12))
    assert Descriptor.from_bytes(descriptor.to_bytes(ULX3S)) == descriptor


# The host

def control(mesh: Mesh, address: int, value: int | None = None) -> int:
    if value is not None:
        mesh.write(0, 1, address, value.to_bytes(8, "little"))
    return int.from_bytes(mesh.read(0, 1, address, 8), "little")


def test_control_registers(mesh):
    loop = SRAM_BASE + 0x80
    mesh.write(0, 1, loop, pack([asm("addi", rd=1, rs1=1, imm=1), asm("jal", rd=0, imm=-4)]))
    pc, state, instret = (thread_register(2, register) for register in (
        ThreadRegister.PC, ThreadRegister.STATE, ThreadRegister.INSTRET))
    assert (control(mesh, pc), control(mesh, state)) == (SRAM_BASE, State.HALTED)
    assert control(mesh, pc, loop + 3) == loop
    assert control(mesh, state, 1) == State.RUNNING
    assert control(mesh, pc, 0) == loop
    with pytest.raises(OutOfSteps, match=r"7 steps: node 0,1 thread 2 running at 0x80000084"):
        mesh.run(max_steps=7)
    assert control(mesh, instret, 0) == 7
    assert control(mesh, node_register(NodeRegister.CYCLES)) == 7
    assert control(mesh, state, 0) == State.HALTED
    mesh.run(max_steps=7)
    assert control(mesh, pc) == loop + 4
    for unused in (0x38, 0x40 * 8, 0x1000 + 0x70, 0x1FF8):
        assert control(mesh, CONTROL_BASE + unused, 5) == 0


def test_single_steps_and_given_instructions(single):
    """STATE = 2 executes one instruction of the program, INSTRUCTION one that is not in it, and DATA is dscratch0."""
    state, given, value, pc, instret = (thread_register(0, register) for register in (
        ThreadRegister.STATE, ThreadRegister.INSTRUCTION, ThreadRegister.DATA, ThreadRegister.PC,
        ThreadRegister.INSTRET))
    mesh, thread = single.mesh, single.thread
    mesh.write(0, 1, SRAM_BASE, pack([asm("addi", rd=5, rs1=5, imm=3), asm("addi", rd=5, rs1=5, imm=4)]))
    control(mesh, state, 2)
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, pc), control(mesh, state), control(mesh, instret)) == (3, SRAM_BASE + 4, 0, 1)
    control(mesh, value, 1 << 63 | 7)
    control(mesh, given, asm("csrrw", rd=5, csr=CsrNumber.DSCRATCH0, rs1=5))
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, pc), control(mesh, instret)) == (1 << 63 | 7, SRAM_BASE + 4, 1)
    assert control(mesh, value) == 3
    control(mesh, given, 0)
    mesh.run(max_steps=10)
    assert (control(mesh, state), thread.csrs[CsrNumber.MCAUSE], thread.csrs[CsrNumber.MEPC]) == (
        State.TRAPPED, Cause.ILLEGAL, SRAM_BASE + 4)
    control(mesh, state, 2)
    mesh.run(max_steps=10)
    assert (thread.x[5], control(mesh, state)) == (1 << 63 | 11, State.HALTED)


def test_restarting_a_stopped_thread_clears_its_cause(single):
    single.run(0)
    assert control(single.mesh, thread_register(0, ThreadRegister.CAUSE)) == Cause.ILLEGAL
    assert control(single.mesh, thread_register(0, ThreadRegister.PC)) == SRAM_BASE
    single.mesh.start(0, 1, 0, SRAM_BASE + 4)
    assert control(single.mesh, thread_register(0, ThreadRegister.CAUSE)) == 0


def test_halting_a_waiting_thread_gives_up_its_wait(single):
    single.set(x1=1, x2=1)
    with pytest.raises(Deadlock):
        single.run(asm("sem.wait", rs1=1, rs2=2))
    control(single.mesh, thread_register(0, ThreadRegister.STATE), 0)
    single.mesh.post(0, 1, 1)
    assert (single.node.semaphores[1], single.mesh.state(0, 1, 0).instret) == (1, 0)


@pytest.mark.parametrize("x, y, address, size, message", [
    (2, 1, SRAM_BASE, 8, "no node 2,1 in a mesh of 2 x 2"), (0, 0, SRAM_BASE, 8, "no node 0,0"),
    (0, 1, 0x1000, 8, "nothing at 0x1000"), (0, 1, SIM.sram_end - 4, 8, "nothing at 0x8001fffc"),
    (0, 1, CONTROL_BASE, 4, "8 aligned bytes, not 4"), (0, 1, CONTROL_BASE + 4, 8, "8 aligned bytes")])
def test_host_errors(mesh, x, y, address, size, message):
    with pytest.raises(AccessError, match=message):
        mesh.read(x, y, address, size)
    with pytest.raises(AccessError, match=message):
        mesh.write(x, y, address, bytes(size))


def test_host_posts_and_starts_what_is_there(mesh):
    with pytest.raises(AccessError, match="no semaphore 32"):
        mesh.post(0, 1, 32)
    with pytest.raises(AccessError, match="no thread 4"):
        mesh.start(0, 1, 4, SRAM_BASE)


def test_run_until(single):
    single.mesh.write(0, 1, SRAM_BASE, pack([asm("addi", rd=1, rs1=1, imm=1), asm("jal", rd=0, imm=-4)]))
    single.mesh.start(0, 1, 0, SRAM_BASE)
    single.mesh.run(max_steps=1000, until=lambda: single.thread.x[1] == 20)
    assert single.mesh.steps == 39
