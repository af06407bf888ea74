"""Places in flight: each cap holds, nothing is left behind, and nobody keeps others out."""

import asyncio
from collections.abc import Sequence

import pytest

from mcpassport.edge.places import InFlight
from mcpassport.limits import Limits

LIMITS = Limits(in_flight_server=2, in_flight_tenant=3, in_flight_process=6, place_wait_ms=20)


async def entered(flight: InFlight, places: Sequence[tuple[str, str]]) -> list[bool]:
    """One after the other: which found a place."""
    return [await flight.enter(server, tenant, LIMITS) for server, tenant in places]


async def test_each_cap_holds() -> None:
    """Server, tenant and process have a cap each; whoever finds no place in time is refused."""
    flight = InFlight(LIMITS)
    first = [("s1", "t1")] * 3 + [("s2", "t1")] * 2
    assert await entered(flight, first) == [True, True, False, True, False]
    # Three places of the process are free, so another tenant gets them, down to the last but one.
    assert await entered(flight, [("s3", "t2"), ("s3", "t2")]) == [True, True]
    assert await entered(flight, [("s4", "t3"), ("s5", "t4")]) == [True, False]


async def test_a_server_may_have_caps_of_its_own() -> None:
    """What an admin set for it holds from the next request on, more or less."""
    flight = InFlight(LIMITS)
    wide = Limits(in_flight_server=3, in_flight_tenant=4, in_flight_process=6, place_wait_ms=20)
    assert await entered(flight, [("s", "t")] * 3) == [True, True, False]
    assert await flight.enter("s", "t", wide)
    assert not await flight.enter("s", "t", LIMITS)


async def test_a_place_given_back_is_used_by_who_waits() -> None:
    """Waiting requests get their turn, and afterwards nothing is left behind."""
    limits = Limits(in_flight_server=2)
    flight = InFlight(limits)
    running = most = 0

    async def work(number: int) -> bool:
        nonlocal running, most
        tenant = f"t{number % 3}"
        if not await flight.enter(tenant, tenant, limits):
            return False
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        flight.leave(tenant, tenant, limits)
        return True

    assert all(await asyncio.gather(*(work(number) for number in range(90))))
    assert most == 6
    assert flight.idle


async def test_a_turn_that_cannot_be_used_is_passed_on() -> None:
    """Cancelling a waiter does not strand the others, and leaves no place taken."""
    limits = Limits(in_flight_server=2)
    flight = InFlight(limits)
    assert await flight.enter("s", "t", limits)
    assert await flight.enter("s", "t", limits)
    first = asyncio.create_task(flight.enter("s", "t", limits))
    second = asyncio.create_task(flight.enter("s", "t", limits))
    await asyncio.sleep(0)
    flight.leave("s", "t", limits)
    first.cancel()
    assert await second is True
    with pytest.raises(asyncio.CancelledError):
        await first
    flight.leave("s", "t", limits)
    flight.leave("s", "t", limits)
    assert flight.idle


async def test_who_waits_at_one_cap_is_not_forgotten_at_the_next() -> None:
    """Turns of a tenant that came and went meanwhile count what is there, not what was."""
    limits = Limits(in_flight_server=1, in_flight_tenant=1)
    flight = InFlight(limits)
    assert await flight.enter("s", "t", limits)
    waiting = [asyncio.create_task(flight.enter("s", "t", limits)) for _ in range(3)]
    for task in waiting:
        await asyncio.sleep(0)
        flight.leave("s", "t", limits)
        assert await task is True
    flight.leave("s", "t", limits)
    assert flight.idle
