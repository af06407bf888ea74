"""Places that owners share: never too many, never idle for want of asking, and nobody kept out."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpassport.turns import SHARE, Turns, TurnsBy


def filled(turns: Turns, *owners: str) -> Counter[str]:
    """Take what each owner can get, in turns, until nobody can; who holds how many."""
    while any(turns.free_for(owner) for owner in owners):
        for owner in owners:
            if turns.free_for(owner):
                turns.take(owner)
    return Counter({owner: turns.held(owner) for owner in owners})


def test_one_owner_takes_at_most_three_quarters() -> None:
    """The rest is for whoever comes; of a single place there is nothing to keep."""
    assert filled(Turns(256), "a") == {"a": 192}
    assert [filled(Turns(places), "a")["a"] for places in (1, 2, 3, 4, 8)] == [1, 2, 3, 3, 6]
    assert filled(Turns(8, shared=False), "a") == {"a": 8}


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 40))
def test_however_many_flood_somebody_new_finds_a_place(places: int, floods: int) -> None:
    """While there are enough places for a share each, one is free for an owner that holds none."""
    turns = Turns(places)
    held = filled(turns, *(f"flood {number}" for number in range(floods)))
    assert sum(held.values()) <= places
    if places > SHARE * floods:
        assert turns.free_for("new")
    if places > 1:
        assert max(held.values()) - min(held.values()) <= 1, "equals get equally much"


async def test_a_free_place_goes_to_who_holds_fewest() -> None:
    """Not to who asked most, nor to who asked first."""
    turns, order = Turns(4), list[str]()

    async def ask(owner: str) -> None:
        await turns.wait(owner)
        order.append(owner)

    for _ in range(3):
        turns.take("flood")
    turns.take("other")
    tasks = [asyncio.create_task(ask("flood")) for _ in range(20)]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(ask(owner)) for owner in ("quiet", "other", "quiet")]
    await asyncio.sleep(0)
    turns.give_back("flood")
    turns.give_back("flood")
    await asyncio.sleep(0)
    assert order == ["quiet", "flood"], "then all hold one, and the flood's turn is longest ago"
    turns.give_back("quiet")
    turns.give_back("quiet")
    await asyncio.sleep(0)
    assert order[2:] == ["quiet", "other"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_within_an_owner_first_come_first_served() -> None:
    """Its own requests keep their order."""
    turns, order = Turns(1), list[int]()

    async def ask(number: int) -> None:
        await turns.wait("a")
        order.append(number)
        turns.give_back("a")

    await asyncio.gather(*(ask(number) for number in range(10)))
    assert order == list(range(10))
    assert turns.idle


async def test_a_change_of_places_holds_from_the_next_turn_on() -> None:
    """More places let more in when one is given back; fewer let nobody in before enough left."""
    turns = Turns(2, shared=False)
    turns.take("a")
    turns.take("a")
    waiting = [asyncio.create_task(turns.wait("b")) for _ in range(3)]
    await asyncio.sleep(0)
    turns.places = 4
    turns.give_back("a")
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [True, True, True]
    turns.places = 1
    turns.give_back("a")
    assert not turns.free_for("c")


@settings(deadline=None)
@given(st.data())
def test_no_history_loses_a_place_or_a_waiter(data: st.DataObject) -> None:
    """Whoever comes, leaves or gives up: never over the cap, and at the end nothing is left."""

    async def history() -> None:
        places = data.draw(st.integers(1, 6))
        turns = Turns(places, shared=data.draw(st.booleans()))
        holding: list[str] = []
        waiting: list[asyncio.Task[None]] = []

        async def ask(owner: str) -> None:
            await turns.wait(owner)
            holding.append(owner)

        for _ in range(data.draw(st.integers(0, 40))):
            match data.draw(st.sampled_from(["ask", "leave", "give up", "settle"])):
                case "ask":
                    owner = data.draw(st.sampled_from("abc"))
                    waiting.append(asyncio.create_task(ask(owner)))
                case "leave" if holding:
                    turns.give_back(holding.pop(data.draw(st.integers(0, len(holding) - 1))))
                case "give up" if waiting:
                    waiting[data.draw(st.integers(0, len(waiting) - 1))].cancel()
                case _:
                    await asyncio.sleep(0)
            assert len(holding) <= places
        for _ in range(200):
            await asyncio.sleep(0)
            if holding:
                turns.give_back(holding.pop())
        await asyncio.gather(*waiting, return_exceptions=True)
        assert turns.idle

    asyncio.run(history())


def test_turns_by_key_are_forgotten_when_idle() -> None:
    """As many are remembered as are in use."""
    by = TurnsBy()
    for number in range(100):
        by.of(str(number), 1).take("a")
    assert len(by) == 100
    for number in range(100):
        by.of(str(number), 1).give_back("a")
        by.done_with(str(number))
        by.done_with("unknown")
    assert len(by) == 0


@pytest.mark.parametrize("places", [1, 2, 7])
async def test_an_endless_flood_lets_others_through(places: int) -> None:
    """However often one owner asks again at once, each request of another is served in its turn."""
    turns, served = Turns(places), Counter[str]()

    async def work(owner: str, times: int) -> None:
        for _ in range(times):
            await turns.wait(owner)
            await asyncio.sleep(0)
            served[owner] += 1
            turns.give_back(owner)

    flood = [asyncio.create_task(work("flood", 10_000)) for _ in range(50)]
    await asyncio.sleep(0)
    await work("quiet", 100)
    before = served["flood"]
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    assert served["quiet"] == 100
    assert before <= 100 * places * 3, "it did not wait for the flood to pass"
