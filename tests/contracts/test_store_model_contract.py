"""Whatever is done to a store, it answers as a dictionary would."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.stores import START, Backend, SteppingClock

from mcpassport.store.protocol import ABSENT, ALL, Append, Delete, EtagConflict, Key, Op, Put

TEXT = st.sampled_from(["", "a", "b", "A", "é", "\U0001f512", "a\n", "%"])
KEYS = st.builds(Key, st.sampled_from(["x", "y"]), TEXT, TEXT)
NOW = int(START.timestamp())
COLUMNS = st.fixed_dictionaries(
    {},
    optional={
        "account": TEXT,
        "integration": TEXT,
        "key_version": st.integers(0, 3),
        "expires_at": st.integers(NOW - 2, NOW + 2),
    },
)
OPS = st.one_of(
    st.builds(Put, KEYS, st.binary(max_size=8), COLUMNS),
    st.builds(Delete, KEYS),
    st.builds(Append, st.sampled_from("123456"), TEXT, st.binary(max_size=8)),
)


class StoreMachine(RuleBasedStateMachine):
    """A store beside its model: records as put, etags as returned, events in order."""

    backend: Backend

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.store = self.backend.open_store(Path(self.folder.name), SteppingClock())
        self.records: dict[Key, Put] = {}
        self.etags: dict[Key, str] = {}
        self.used: set[str] = set()
        self.events: dict[str, Append] = {}

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def apply(self, ops: list[Op], etags: dict[Key, str]) -> None:
        for op in ops:
            if isinstance(op, Put):
                self.records[op.key] = op
            elif isinstance(op, Delete):
                self.records.pop(op.key, None)
                self.etags.pop(op.key, None)
            else:
                self.events.setdefault(op.event_id, op)
        assert not self.used & set(etags.values())
        self.used |= set(etags.values())
        self.etags |= etags
        assert self.etags.keys() == self.records.keys()

    @rule(
        ops=st.lists(OPS, max_size=6),
        guarded=st.lists(KEYS, max_size=2),
        wrong=st.booleans(),
    )
    def write(self, ops: list[Op], guarded: list[Key], wrong: bool) -> None:
        expect = {key: self.etags.get(key, ABSENT) for key in guarded}
        if wrong and expect:
            key = guarded[-1]
            expect[key] = ABSENT if key in self.etags else "gone"
            with pytest.raises(EtagConflict) as conflict:
                self.runner.run(self.store.write(ops, expect))
            assert conflict.value.key == key
        else:
            self.apply(ops, self.runner.run(self.store.write(ops, expect)))

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.store.close())
        self.store = self.backend.open_store(Path(self.folder.name), SteppingClock())

    @rule()
    def purge(self) -> None:
        due = [
            key
            for key, put in self.records.items()
            if int(put.columns.get("expires_at", NOW + 1)) <= NOW
        ]
        assert self.runner.run(self.store.purge(START)) == len(due)
        for key in due:
            del self.records[key], self.etags[key]

    @precondition(lambda self: self.events)
    @rule(count=st.integers(1, 3))
    def drain(self, count: int) -> None:
        done = [event.event_id for event in self.runner.run(self.store.outbox(count))]
        self.runner.run(self.store.outbox_done(done))
        for event_id in done:
            del self.events[event_id]

    @rule(
        kind=st.sampled_from(["x", "y"]),
        tenant=st.one_of(st.just(ALL), TEXT),
        limit=st.integers(1, 4),
        narrowed=st.one_of(
            st.none(),
            st.tuples(st.sampled_from(["account", "integration"]), TEXT),
            st.tuples(st.just("key_version"), st.integers(0, 3)),
        ),
    )
    def page(self, kind: str, tenant: Any, limit: int, narrowed: Any) -> None:
        index, value = narrowed or (None, None)
        expected = [
            put
            for key, put in self.records.items()
            if key.kind == kind
            and tenant in {ALL, key.tenant}
            and (index is None or put.columns.get(index) == value)
        ]
        expected.sort(key=lambda put: (put.key.id, put.key.tenant))
        found, cursor, first = [], None, True
        while first or cursor is not None:
            first = False
            page = self.runner.run(
                self.store.page(kind, tenant, index=index, value=value, cursor=cursor, limit=limit)
            )
            found += [(entry.key, entry.value) for entry in page.entries]
            cursor = page.cursor
        assert found == [(put.key, put.value) for put in expected]

    @invariant()
    def every_record_is_as_written(self) -> None:
        keys = [*self.records, Key("x", "none", "")]
        entries = self.runner.run(self.store.get_many(keys))
        assert [entry and (entry.key, entry.value, entry.etag) for entry in entries] == [
            *((put.key, put.value, self.etags[put.key]) for put in self.records.values()),
            None,
        ]
        assert self.runner.run(self.store.outbox()) == list(self.events.values())


def test_a_store_behaves_like_a_dictionary(backend: Backend) -> None:
    """Any sequence of writes, conflicts, purges, listings and restarts matches the model."""
    machine = type("Machine", (StoreMachine,), {"backend": backend})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
