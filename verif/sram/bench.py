"""All ports of the SRAM at once against a reference memory, with errors injected and scrubbed."""

import json
import os
import random
from collections import Counter
from itertools import count
from pathlib import Path

import cocotb

from hdl.config import SRAM_BASE

from .backdoor import bank_storage, load
from .environment import BANKS, CONFIG, EVERY, LINE, LINES, WORDS, Mixture, Request, goals, made
from .top import LOCKS, PORTS, READERS, WRITERS

#: Cycles for which traffic stays of one kind.
PHASE = 250


@cocotb.test()
async def random_traffic(dut):
    """All ports, sizes, alignments and conflicts, with up to an error every 83 cycles and the scrubber at work.

    For `CYCLES`, and longer, up to forty times as long, until everything has been met.
    """
    bench = await made(dut)
    mixture = Mixture(bench)
    phases, missing = int(os.environ["CYCLES"]) // PHASE, goals()
    for phase in range(40 * phases):
        missing = [goal for goal in goals() if not bench.seen[goal]]
        if phase >= phases and not missing:
            break
        mixture.renew()
        dut.scrub_interval.value = random.choice((0, 1, 7, 50))
        bench.traffic = mixture
        for _ in range(random.choice((0, 2, 3, 3))):
            first = random.randrange(72)
            second = first if random.random() < 0.7 else random.randrange(72)
            line = random.choice((*mixture.lines, random.randrange(LINES)))
            bench.inject(line, random.randrange(WORDS), first, second)
        await bench.stage.cycles(PHASE)
    else:
        raise AssertionError(f"never seen: {missing}")
    await bench.stop()
    await bench.check_all()
    status = bench.status()
    assert status["uncorrectable"] >= bench.errors_reported > 0 and status["corrected"] > 0
    for port, name in enumerate(PORTS):
        print(f"{name}: {bench.taken[port]:,} accesses, longest wait {bench.longest[port]} cycles")
    if "TOTALS" in os.environ:
        totals = {"accesses": bench.taken.total(), "cycles": bench.stage.now, "injected": bench.injections,
                  "corrected": status["corrected"], "uncorrectable": status["uncorrectable"],
                  "reported": bench.errors_reported}
        longest = {what: max(bench.longest[PORTS.index(name)] for name in names)
                   for what, names in (("read", READERS), ("write", WRITERS))}
        Path(os.environ["TOTALS"]).write_text(json.dumps({
            "totals": totals, "longest": longest, "coverage": {goal: bench.seen[goal] for goal in goals()}}))
    print(f"{bench.taken.total():,} accesses in {bench.stage.now:,} cycles; {status['corrected']:,} corrected, "
          f"{status['uncorrectable']:,} uncorrectable, {bench.errors_reported:,} reported")


@cocotb.test()
async def every_port_in_every_cycle(dut):
    """Streams in order, all of whole lines, wherever they start: after a while none of them ever waits."""
    if BANKS < 8:
        return  # four banks have no room for four reads and two write-backs a cycle
    bench = await made(dut)
    for starts in ([0] * 6, range(6), random.sample(range(LINES), 6)):
        streams = [count(start) for start in starts]
        bench.traffic = lambda port, streams=streams: Request(line=next(streams[port]) % LINES, mask=EVERY)
        await bench.stage.cycles(200)
        before, cycles = dict(bench.taken), 1000
        await bench.stage.cycles(cycles)
        rates = {name: bench.taken[port] - before[port] for port, name in enumerate(PORTS)}
        assert rates == dict.fromkeys(PORTS, cycles), rates
        await bench.stop()


@cocotb.test()
async def streams_of_partial_stores_never_wait(dut):
    """To one word, to one line, in order with any size, and one a line; each port alone, and read back."""
    bench = await made(dut)
    length = 400
    for writer in WRITERS:
        for size in (1, 2, 4, 8, 12):
            places = {
                "a word": [(5, (size * index) % max(1, 9 - size)) for index in range(length)],
                "in order": [((size * index) // LINE % LINES, size * index % LINE) for index in range(length)],
                "one a line": [(index % LINES, random.randint(0, LINE - size)) for index in range(length)],
            }
            for what, where in places.items():
                requests = iter([Request(line=line, mask=(1 << size) - 1 << offset & EVERY,
                                         data=random.getrandbits(8 * LINE)) for line, offset in where])
                bench.longest.clear()
                index = PORTS.index(writer)
                bench.traffic = lambda port, index=index, requests=requests: \
                    next(requests, None) if port == index else None
                before = bench.taken[index]
                await bench.stage.cycles(length)
                taken, waited = bench.taken[index] - before, bench.longest[index]
                # Four banks are fewer than the cycles of a fill: one a line has to wait for them, as have all
                # next lines for a single bank.
                if not (BANKS < 8 and what == "one a line") and not (BANKS == 1 and what == "in order"):
                    assert (taken, waited) == (length, 0), f"{writer} of {size} bytes, {what}: {taken}, {waited}"
                await bench.stop()
    await bench.check_all()


@cocotb.test()
async def counters_and_addresses(dut):
    """One error of every bit, one after the other; then double errors; each is counted where it is."""
    bench = await made(dut)
    assert set(bench.status().values()) == {0}
    first = None
    for bit in range(72):
        line, word = random.randrange(LINES), random.randrange(WORDS)
        first = first or SRAM_BASE + line * LINE + 8 * word
        bench.inject(line, word, bit, bit)
        await bench.injected()
        await bench.perform("load0", line)
        status = bench.status()
        # The reader finds it, and so does the repair that follows.
        assert (status["corrected"], status["uncorrectable"]) == (2 * (bit + 1), 0)
        assert status["first_corrected"] == first
        await bench.perform("load1", line)
        assert bench.status() == status
    line, word = random.randrange(LINES), random.randrange(WORDS)
    bench.inject(line, word, *random.sample(range(72), 2))
    await bench.injected()
    others = EVERY & ~(0xFF << 8 * word)
    for mask, errors in ((others, 0), (1 << 8 * word + 3, 1), (0, 1)):
        before = bench.errors_reported
        await bench.perform("mesh_read", line, mask=mask)
        assert bench.errors_reported - before == errors
    status = bench.status()
    assert status["uncorrectable"] == 3
    assert status["first_uncorrectable"] == SRAM_BASE + line * LINE + 8 * word
    # A byte does not make the word good, and is counted; eight do.
    for mask, uncorrectable in ((1 << 8 * word, 5), (0xFF << 8 * word, 5)):
        await bench.perform("store", line, mask=mask, data=random.getrandbits(8 * LINE))
        await bench.perform("fetch", line, mask=mask)
        assert bench.status()["uncorrectable"] == uncorrectable
    await bench.check_all()


@cocotb.test()
async def the_scrubber_finds_everything(dut):
    """Single errors anywhere are gone after one round, nothing else is counted, and double errors stay."""
    bench = await made(dut)
    lines = random.sample(range(LINES), 41)
    for line in lines[1:]:
        bit = random.randrange(72)
        bench.inject(line, random.randrange(WORDS), bit, bit)
        await bench.injected()
    bench.inject(lines[0], 0, 0, 64)
    await bench.injected()
    for _ in range(2):
        dut.scrub_interval.value = 1
        before = bench.status()["uncorrectable"]
        await bench.stage.until(lambda before=before: bench.status()["uncorrectable"] > before, limit=20 * LINES,
                                what="a round of the scrubber")
        await bench.stage.cycles(6 * LINES)
        dut.scrub_interval.value = 0
        await bench.stop()
        assert bench.status()["corrected"] == 40
    await bench.check_all()
    assert bench.errors_reported == 1


@cocotb.test()
async def locks_make_atomics(dut):
    """Both users add to one counter, with a stream of other stores and reads in between; no addition is lost."""
    bench = await made(dut)
    line, additions = random.randrange(LINES), 200
    await bench.perform("store", line)
    added = Counter()

    def traffic(port):
        name = PORTS[port]
        if name in LOCKS:
            reader, writer = port, PORTS.index(LOCKS[name])
            if added[writer] < additions and reader not in bench.locks and bench.offered[writer] is None:
                return Request(line=line, mask=0xFF, lock=True)
        elif name in WRITERS:
            reader = next(READERS.index(reader) for reader, writer in LOCKS.items() if writer == name)
            lock = bench.locks.get(reader)
            if lock is not None and not bench.expected[reader]:
                added[port] += 1
                return Request(line=line, mask=0xFF, data=bench.reference.lines[line] % 2**64 + 1)
        elif random.random() < 0.5:
            return Request(line=line)
        return None

    bench.traffic = traffic
    await bench.stage.until(lambda: added.total() == 2 * additions, limit=100 * additions, what="additions")
    await bench.stop()
    assert bench.reference.lines[line] % 2**64 == 2 * additions
    await bench.check_all()


@cocotb.test()
async def lines_and_their_check_bits_come_in_by_the_back_door(dut):
    """What a bench writes into the storage is read without an error, and a wrong bit in it is corrected."""
    bench = await made(dut)
    content = random.randbytes(CONFIG.sram_bytes)
    await load(dut.sram, CONFIG, content)
    bench.reference.lines = [
        int.from_bytes(content[start:start + LINE], "little") for start in range(0, CONFIG.sram_bytes, LINE)]
    await bench.check_all()
    assert set(bench.status().values()) == {0}
    storage, row = bank_storage(dut.sram, 1 % BANKS), 1 // BANKS  # of line 1
    storage.lines[row].value = int(storage.lines[row].value) ^ 1 << 9
    await bench.check_all()
    assert bench.status()["first_corrected"] == SRAM_BASE + LINE + 8 * (9 // 64)
