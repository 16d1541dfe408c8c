"""Queues between streams: in order, nothing lost, never full too early."""

# pyright: reportAttributeAccessIssue=none

from collections import deque
from random import Random

import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from hdl.queue import PassingQueue, Queue
from sim.build import new_seed

CYCLES = 2000


@pytest.mark.parametrize("depth, early", [
    (1, False), (2, False), (3, False), (4, False), (2, True), (4, True), (8, True)])
def test_items_leave_in_order(depth, early):
    check(Queue(shape=unsigned(8), depth=depth, early=early), depth=depth, passing=False)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_items_pass_an_empty_queue(depth):
    check(PassingQueue(shape=unsigned(8), depth=depth), depth=depth, passing=True)


def check(queue: Queue | PassingQueue, *, depth: int, passing: bool) -> None:
    """Random items come and leave, in stretches of different rates; a payload that is not valid means nothing."""
    random, held, moved = Random(new_seed()), deque[int](), 0

    async def traffic(simulation):
        nonlocal moved
        comes = goes = 0.5
        for cycle in range(CYCLES):
            if cycle % 50 == 0:
                comes, goes = random.random(), random.random()
            valid, ready, item = random.random() < comes, random.random() < goes, random.randrange(256)
            simulation.set(queue.i.valid, valid)
            simulation.set(queue.i.payload, item)
            simulation.set(queue.o.ready, ready)
            await simulation.delay(0)
            assert simulation.get(queue.level) == len(held)
            assert simulation.get(queue.i.ready) == (len(held) < depth)
            taken = valid and len(held) < depth
            offered = [*held, *([item] if passing and taken else [])][:1]
            assert simulation.get(queue.o.valid) == bool(offered)
            if offered:
                assert simulation.get(queue.o.payload) == offered[0]
            held.extend([item] if taken else [])
            if offered and ready:
                held.popleft()
                moved += 1
            await simulation.tick()

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(traffic)
    simulator.run()
    assert moved > CYCLES / 10


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_the_depth_of_an_early_queue_is_a_power_of_two(depth):
    with pytest.raises(ValueError, match=f"power of two from 2, not {depth}"):
        Queue(shape=unsigned(8), depth=depth, early=True)
