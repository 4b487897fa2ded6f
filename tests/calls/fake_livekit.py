"""A LiveKit server API that remembers what it was asked, behind the same Protocol as the real one."""

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import Any

from apps.calls.livekit import AgentDispatch, InboundTrunk, LiveKitRefused, LiveKitUnreachable, Participant, Room, RoomGone


@dataclass
class FakeRoom:
    metadata: str = ""
    people: dict[str, Participant] = field(default_factory=dict)
    dispatches: list[AgentDispatch] = field(default_factory=list)
    created_at: int = 0


class FakeLiveKit:
    """`down` makes every method raise LiveKitUnreachable; `refuse` the named ones LiveKitRefused."""

    def __init__(self) -> None:
        self.rooms: dict[str, FakeRoom] = {}
        self.transfers: list[tuple[str, str, str]] = []
        self.deleted: list[str] = []
        self.removed: list[str] = []
        self.withdrawn: list[str] = []
        self.trunks: dict[str, InboundTrunk] = {}
        self.rules: dict[str, tuple[str, str]] = {}
        self.down = False
        self.refuse: set[str] = set()
        self._ids = itertools.count(1)

    def room(self, name: str, *people: Participant) -> FakeRoom:
        """Makes sure of a room with these people in it."""
        room = self.rooms.setdefault(name, FakeRoom())
        room.people |= {person.identity: person for person in people}
        return room

    def dispatched(self, name: str) -> list[tuple[str, int]]:
        """Agent names and attempts that were asked into a room, in order."""
        return [(d.agent_name, json.loads(d.metadata)["attempt"]) for d in self.rooms[name].dispatches]

    def metadata(self, name: str, agent_name: str) -> dict[str, Any]:
        """The newest dispatch metadata of an agent."""
        return json.loads([d.metadata for d in self.rooms[name].dispatches if d.agent_name == agent_name][-1])

    def take(self, name: str, agent_name: str, attempt: int, job: str, *, listed: bool = True) -> Participant:
        """A worker takes a dispatch and comes into the room, as livekit-agents does; LiveKit lists the job a little later."""
        if listed:
            self.job_list(name, agent_name, attempt, job)
        agent = Participant(f"agent-{job}", "AGENT", attributes={"lk.agent_name": agent_name})
        self.rooms[name].people[agent.identity] = agent
        return agent

    def job_list(self, name: str, agent_name: str, attempt: int, job: str) -> None:
        """From now on the dispatch says which job came of it."""
        room = self.rooms[name]
        for place, dispatch in enumerate(room.dispatches):
            if (dispatch.agent_name, json.loads(dispatch.metadata)["attempt"]) == (agent_name, attempt):
                room.dispatches[place] = replace(dispatch, taken=True, jobs=(*dispatch.jobs, job))

    def room_create(self, name: str, metadata: str, *, empty_seconds: int, departure_seconds: int, most: int) -> None:
        self._ask("room_create")
        self.rooms[name] = FakeRoom(metadata)

    def rooms_list(self) -> list[Room]:
        self._ask("rooms_list")
        return [
            Room(n, r.metadata, sum(p.kind != "AGENT" for p in r.people.values()), r.created_at) for n, r in self.rooms.items()
        ]

    def room_delete(self, name: str) -> None:
        self._room("room_delete", name)
        del self.rooms[name]
        self.deleted.append(name)

    def room_metadata_set(self, name: str, metadata: str) -> None:
        self._room("room_metadata_set", name).metadata = metadata

    def participants_list(self, room_name: str) -> list[Participant]:
        return list(self._room("participants_list", room_name).people.values())

    def participant_remove(self, room_name: str, identity: str) -> None:
        if self._room("participant_remove", room_name).people.pop(identity, None) is None:
            raise RoomGone(identity)
        self.removed.append(identity)

    def dispatches_list(self, room_name: str) -> list[AgentDispatch]:
        return list(self._room("dispatches_list", room_name).dispatches)

    def dispatch_create(self, room_name: str, agent_name: str, metadata: str) -> str:
        dispatch = AgentDispatch(f"AD_{next(self._ids)}", agent_name, metadata)
        self._room("dispatch_create", room_name).dispatches.append(dispatch)
        return dispatch.id

    def dispatch_delete(self, room_name: str, dispatch_id: str) -> None:
        self._room("dispatch_delete", room_name)
        self.withdrawn.append(dispatch_id)

    def sip_trunk_create(self, trunk: InboundTrunk) -> str:
        self._ask("sip_trunk_create")
        name = f"ST_{next(self._ids)}"
        self.trunks[name] = replace(trunk)
        return name

    def sip_trunk_change(self, trunk_id: str, trunk: InboundTrunk) -> None:
        self._ask("sip_trunk_change")
        if trunk_id not in self.trunks:
            raise RoomGone(f"There is no trunk {trunk_id}.")
        self.trunks[trunk_id] = trunk

    def sip_trunk_known(self, trunk_id: str) -> bool:
        self._ask("sip_trunk_known")
        return trunk_id in self.trunks

    def sip_trunk_delete(self, trunk_id: str) -> None:
        self._ask("sip_trunk_delete")
        self.trunks.pop(trunk_id)

    def sip_rule_create(self, name: str, trunk_id: str, room_prefix: str) -> str:
        self._ask("sip_rule_create")
        rule = f"SDR_{next(self._ids)}"
        self.rules[rule] = (trunk_id, room_prefix)
        return rule

    def participant_transfer(self, room_name: str, identity: str, to: str) -> None:
        self._ask("participant_transfer")
        self.transfers.append((room_name, identity, to))

    def sip_rule_delete(self, rule_id: str) -> None:
        self._ask("sip_rule_delete")
        self.rules.pop(rule_id)

    def _room(self, method: str, name: str) -> FakeRoom:
        self._ask(method)
        if name not in self.rooms:
            raise RoomGone(f"There is no room {name}.")
        return self.rooms[name]

    def _ask(self, method: str) -> None:
        if self.down:
            raise LiveKitUnreachable("LiveKit is down.")
        if method in self.refuse:
            raise LiveKitRefused(f"LiveKit refuses {method}.")
