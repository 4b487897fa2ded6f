"""What the Call Service asks of LiveKit's server API, behind a Protocol.

LiveKit's own Python client is asyncio bound to one loop, while web and worker are threads; so the Twirp calls go over
one pooled httpx client with LiveKit's protobuf messages (https://docs.livekit.io/reference/server/server-apis/).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Protocol, TypeVar

import httpx
from django.conf import settings
from google.protobuf.message import Message
from livekit.api import AccessToken, SIPGrants, VideoGrants
from livekit.protocol import agent, agent_dispatch, models, room, sip

from apps.core.errors import PermanentError, TransientError

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.5
TRANSFER_SECONDS = 14.0  # a phone has to ring
ADMIN_TOKEN_TTL = timedelta(minutes=1)
Answer = TypeVar("Answer", bound=Message)


class LiveKitUnreachable(TransientError):
    """livekit-server did not answer, or is not able to now."""


class LiveKitRefused(PermanentError):
    """livekit-server understood and said no."""


class RoomGone(LiveKitRefused):
    """The room, participant, trunk or rule is no longer there."""


@dataclass(frozen=True)
class Room:
    """A room as ListRooms shows it; `created_at` in seconds since 1970."""

    name: str
    metadata: str = ""
    participants: int = 0
    created_at: int = 0


@dataclass(frozen=True)
class Participant:
    """Somebody in a room. `kind`: STANDARD, SIP, AGENT, …; `joined_at` in seconds since 1970.

    `listens_only`: hidden from the others, or not allowed to publish anything.
    """

    identity: str
    kind: str = "STANDARD"
    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    joined_at: int = 0
    listens_only: bool = False

    @property
    def agent_name(self) -> str:
        """The name under which an agent was dispatched, or an empty string."""
        return self.attributes.get("lk.agent_name", "")


@dataclass(frozen=True)
class AgentDispatch:
    """An agent that was asked to join. `taken`: a worker accepted it and has not said that it failed; `jobs`: what came of it."""

    id: str
    agent_name: str
    metadata: str = ""
    taken: bool = False
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class InboundTrunk:
    """What decides whether a SIP call is taken: called numbers, source addresses or networks, or a log-in."""

    name: str
    numbers: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    auth_username: str = ""
    auth_password: str = ""


class LiveKit(Protocol):
    """Every method raises LiveKitUnreachable, LiveKitRefused or RoomGone."""

    def room_create(self, name: str, metadata: str, *, empty_seconds: int, departure_seconds: int, most: int) -> None: ...
    def rooms_list(self) -> list[Room]: ...
    def room_delete(self, name: str) -> None: ...
    def room_metadata_set(self, name: str, metadata: str) -> None: ...
    def participants_list(self, room_name: str) -> list[Participant]: ...
    def participant_remove(self, room_name: str, identity: str) -> None: ...
    def participant_transfer(self, room_name: str, identity: str, to: str) -> None: ...
    def dispatches_list(self, room_name: str) -> list[AgentDispatch]: ...
    def dispatch_create(self, room_name: str, agent_name: str, metadata: str) -> str: ...
    def dispatch_delete(self, room_name: str, dispatch_id: str) -> None: ...
    def sip_trunk_create(self, trunk: InboundTrunk) -> str: ...
    def sip_trunk_change(self, trunk_id: str, trunk: InboundTrunk) -> None: ...
    def sip_trunk_known(self, trunk_id: str) -> bool: ...
    def sip_trunk_delete(self, trunk_id: str) -> None: ...
    def sip_rule_create(self, name: str, trunk_id: str, room_prefix: str) -> str: ...
    def sip_rule_delete(self, rule_id: str) -> None: ...


@lru_cache(maxsize=1)
def client() -> LiveKit:
    """The one client of this process; safe to use from several threads."""
    return LiveKitServer(settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)


class LiveKitServer:
    """The real one. `url` as in LIVEKIT_URL: ws, wss, http or https."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._key, self._secret = key, secret
        timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._http = httpx.Client(base_url=_http_url(url) + "/twirp/", timeout=timeout, trust_env=False)

    def room_create(self, name: str, metadata: str, *, empty_seconds: int, departure_seconds: int, most: int) -> None:
        wish = room.CreateRoomRequest(
            name=name,
            metadata=metadata,
            empty_timeout=empty_seconds,
            departure_timeout=departure_seconds,
            max_participants=most,
        )
        self._ask("RoomService/CreateRoom", wish, models.Room, VideoGrants(room_create=True))

    def rooms_list(self) -> list[Room]:
        grants = VideoGrants(room_list=True)
        answer = self._ask("RoomService/ListRooms", room.ListRoomsRequest(), room.ListRoomsResponse, grants)
        return [Room(r.name, r.metadata, r.num_participants, r.creation_time) for r in answer.rooms]

    def room_delete(self, name: str) -> None:
        wish = room.DeleteRoomRequest(room=name)
        self._ask("RoomService/DeleteRoom", wish, room.DeleteRoomResponse, VideoGrants(room_create=True))

    def room_metadata_set(self, name: str, metadata: str) -> None:
        wish = room.UpdateRoomMetadataRequest(room=name, metadata=metadata)
        self._ask("RoomService/UpdateRoomMetadata", wish, models.Room, _admin(name))

    def participants_list(self, room_name: str) -> list[Participant]:
        wish = room.ListParticipantsRequest(room=room_name)
        answer = self._ask("RoomService/ListParticipants", wish, room.ListParticipantsResponse, _admin(room_name))
        return [_participant(info) for info in answer.participants]

    def participant_remove(self, room_name: str, identity: str) -> None:
        wish = room.RoomParticipantIdentity(room=room_name, identity=identity)
        self._ask("RoomService/RemoveParticipant", wish, room.RemoveParticipantResponse, _admin(room_name))

    def participant_transfer(self, room_name: str, identity: str, to: str) -> None:
        """Sends a SIP caller on by REFER (`to`: tel: or sip:) and waits for the answer of the exchange."""
        wish = sip.TransferSIPParticipantRequest(room_name=room_name, participant_identity=identity, transfer_to=to)
        wish.ringing_timeout.FromSeconds(int(TRANSFER_SECONDS) - 2)
        kind = sip.TransferSIPParticipantResponse
        self._ask("SIP/TransferSIPParticipant", wish, kind, _admin(room_name), SIPGrants(call=True), seconds=TRANSFER_SECONDS)

    def dispatches_list(self, room_name: str) -> list[AgentDispatch]:
        self._room_look(room_name)
        wish = agent_dispatch.ListAgentDispatchRequest(room=room_name)
        kind = agent_dispatch.ListAgentDispatchResponse
        answer = self._ask("AgentDispatchService/ListDispatch", wish, kind, _admin(room_name))
        return [_dispatch(d) for d in answer.agent_dispatches if d.agent_name]

    def dispatch_create(self, room_name: str, agent_name: str, metadata: str) -> str:
        wish = agent_dispatch.CreateAgentDispatchRequest(
            room=room_name,
            agent_name=agent_name,
            metadata=metadata,
            # The sweeper replaces a dead agent; a second policy beside it could bring two.
            restart_policy=agent_dispatch.JobRestartPolicy.JRP_NEVER,
        )
        kind = agent_dispatch.AgentDispatch
        return str(self._ask("AgentDispatchService/CreateDispatch", wish, kind, _admin(room_name)).id)

    def dispatch_delete(self, room_name: str, dispatch_id: str) -> None:
        self._room_look(room_name)
        wish = agent_dispatch.DeleteAgentDispatchRequest(room=room_name, dispatch_id=dispatch_id)
        self._ask("AgentDispatchService/DeleteDispatch", wish, agent_dispatch.AgentDispatch, _admin(room_name))

    def sip_trunk_create(self, trunk: InboundTrunk) -> str:
        wish = sip.CreateSIPInboundTrunkRequest(trunk=_trunk_info(trunk))
        return str(self._ask_sip("CreateSIPInboundTrunk", wish, sip.SIPInboundTrunkInfo).sip_trunk_id)

    def sip_trunk_change(self, trunk_id: str, trunk: InboundTrunk) -> None:
        wish = sip.UpdateSIPInboundTrunkRequest(sip_trunk_id=trunk_id, replace=_trunk_info(trunk))
        self._ask_sip("UpdateSIPInboundTrunk", wish, sip.SIPInboundTrunkInfo)

    def sip_trunk_known(self, trunk_id: str) -> bool:
        wish = sip.ListSIPInboundTrunkRequest(trunk_ids=[trunk_id])
        answer = self._ask_sip("ListSIPInboundTrunk", wish, sip.ListSIPInboundTrunkResponse)
        return any(trunk.sip_trunk_id == trunk_id for trunk in answer.items)

    def sip_trunk_delete(self, trunk_id: str) -> None:
        self._ask_sip("DeleteSIPTrunk", sip.DeleteSIPTrunkRequest(sip_trunk_id=trunk_id), sip.SIPTrunkInfo)

    def sip_rule_create(self, name: str, trunk_id: str, room_prefix: str) -> str:
        rule = sip.SIPDispatchRule(dispatch_rule_individual=sip.SIPDispatchRuleIndividual(room_prefix=room_prefix))
        info = sip.SIPDispatchRuleInfo(name=name, trunk_ids=[trunk_id], rule=rule)
        wish = sip.CreateSIPDispatchRuleRequest(dispatch_rule=info)
        return str(self._ask_sip("CreateSIPDispatchRule", wish, sip.SIPDispatchRuleInfo).sip_dispatch_rule_id)

    def sip_rule_delete(self, rule_id: str) -> None:
        wish = sip.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule_id)
        self._ask_sip("DeleteSIPDispatchRule", wish, sip.SIPDispatchRuleInfo)

    def _room_look(self, name: str) -> None:
        """Raises RoomGone at once; the dispatch service would be silent about a room that is gone until it times out."""
        wish = room.ListRoomsRequest(names=[name])
        if not self._ask("RoomService/ListRooms", wish, room.ListRoomsResponse, VideoGrants(room_list=True)).rooms:
            raise RoomGone(f"There is no room {name}.")

    def _ask_sip(self, method: str, wish: Message, kind: type[Answer]) -> Answer:
        return self._ask(f"SIP/{method}", wish, kind, VideoGrants(), SIPGrants(admin=True))

    def _ask(
        self,
        method: str,
        wish: Message,
        kind: type[Answer],
        grants: VideoGrants,
        sip_grants: SIPGrants | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._token(grants, sip_grants)}", "Content-Type": "application/protobuf"}
        try:
            answer = self._http.post(
                f"livekit.{method}",
                content=wish.SerializeToString(),
                headers=headers,
                timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            )
        except httpx.HTTPError as error:
            raise LiveKitUnreachable(f"LiveKit did not answer {method} ({type(error).__name__}).") from error
        if answer.status_code != httpx.codes.OK:
            raise _error(method, answer)
        return kind.FromString(answer.content)

    def _token(self, grants: VideoGrants, sip_grants: SIPGrants | None) -> str:
        token = AccessToken(self._key, self._secret).with_ttl(ADMIN_TOKEN_TTL).with_grants(grants)
        return (token.with_sip_grants(sip_grants) if sip_grants else token).to_jwt()


def _trunk_info(trunk: InboundTrunk) -> sip.SIPInboundTrunkInfo:
    return sip.SIPInboundTrunkInfo(
        name=trunk.name,
        numbers=trunk.numbers,
        allowed_addresses=trunk.allowed_addresses,
        auth_username=trunk.auth_username,
        auth_password=trunk.auth_password,
    )


def participant_token(*, room_name: str, identity: str, name: str, ttl: timedelta) -> str:
    """What lets a caller into one room, to hear everything and to publish a microphone only. `ttl` ends the time to join."""
    grants = VideoGrants(
        room_join=True,
        room=room_name,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_subscribe=True,
        can_publish_data=False,
        can_update_own_metadata=False,
    )
    token = AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET).with_ttl(ttl)
    return token.with_identity(identity).with_name(name).with_grants(grants).to_jwt()


def _admin(room_name: str) -> VideoGrants:
    return VideoGrants(room_admin=True, room=room_name)


def _participant(info: models.ParticipantInfo) -> Participant:
    kind = models.ParticipantInfo.Kind.Name(info.kind)
    listens_only = info.HasField("permission") and (info.permission.hidden or not info.permission.can_publish)
    return Participant(info.identity, kind, info.name, dict(info.attributes), info.joined_at, listens_only)


def _dispatch(info: agent_dispatch.AgentDispatch) -> AgentDispatch:
    return AgentDispatch(info.id, info.agent_name, info.metadata, _taken(info), tuple(job.id for job in info.state.jobs))


def _taken(dispatch: agent_dispatch.AgentDispatch) -> bool:
    going = (agent.JobStatus.JS_PENDING, agent.JobStatus.JS_RUNNING)
    return any(job.state.status in going for job in dispatch.state.jobs)


def _http_url(url: str) -> str:
    return ("http" + url.removeprefix("ws") if url.startswith("ws") else url).rstrip("/")


def _error(method: str, answer: httpx.Response) -> LiveKitUnreachable | LiveKitRefused:
    """Twirp errors are JSON with `code` and `msg`, whatever the content type (https://twitchtv.github.io/twirp/docs/errors.html)."""
    try:
        code, message = answer.json().get("code", ""), answer.json().get("msg", "")
    except ValueError:
        code, message = "", answer.text[:200]
    text = f"LiveKit answered {method} with {answer.status_code} {code}: {message}"
    if code == "not_found":
        return RoomGone(text)
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or code in ("unavailable", "resource_exhausted"):
        return LiveKitUnreachable(text)
    return LiveKitRefused(text)
