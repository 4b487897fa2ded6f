// One call: the microphone, a token, the room, and what is heard and said in it. Knows no page.
import {
  ConnectionState,
  createAudioAnalyser,
  createLocalAudioTrack,
  DisconnectReason,
  type LocalAudioTrack,
  type Participant,
  ParticipantKind,
  type RemoteTrack,
  Room,
  RoomEvent,
  setLogLevel,
  Track,
  TrackEvent,
} from "livekit-client";
import { captionsListen, type Caption } from "./captions";
import { failureOf, CallFailure, refusalOf, type Refusal } from "./failures";
import { tokenFetch, type TokenSource } from "./token";

export type Ending = "by_me" | "by_them" | "unanswered" | "lost" | Refusal;
export type Activity = "waiting" | "listening" | "thinking" | "speaking";

export interface Listener {
  begun(callId: string): void;
  connected(): void;
  answered(): void;
  activity(activity: Activity): void;
  caption(caption: Caption): void;
  reconnecting(): void;
  reconnected(): void;
  microphoneLost(): void;
  soundBlocked(blocked: boolean): void;
  levels(mine: number, theirs: number): void;
  ended(ending: Ending): void;
}

type Analyser = ReturnType<typeof createAudioAnalyser>;

setLogLevel("warn");

const connectTimeout = 15_000;
const goneForGood = new Set([DisconnectReason.ROOM_DELETED, DisconnectReason.ROOM_CLOSED, DisconnectReason.PARTICIPANT_REMOVED]);

export class CallSession {
  private readonly room = new Room({ adaptiveStream: false, dynacast: false, disconnectOnPageLeave: true });
  private readonly players = new Map<string, HTMLMediaElement>();
  private readonly ears = new Map<string, Analyser>();
  private microphone: LocalAudioTrack | null = null;
  private mouth: Analyser | null = null;
  private frame = 0;
  private agentHeard = false;
  private joined = false;
  private over = false;

  constructor(private readonly listener: Listener) {}

  /** Asks for the microphone, fetches a token and joins. Throws CallFailure with a reason that the page words. */
  async start(source: TokenSource, microphoneGranted: () => void): Promise<void> {
    try {
      this.microphone = await microphoneOpen();
      microphoneGranted();
      const token = await tokenFetch(source);
      this.listener.begun(token.call_id);
      await this.join(token.server_url, token.participant_token);
    } catch (error) {
      const told = this.joined && this.over;
      this.close();
      if (!told) throw failureOf(error);
    }
  }

  async mute(muted: boolean): Promise<void> {
    await (muted ? this.microphone?.mute() : this.microphone?.unmute());
  }

  async hangUp(): Promise<void> {
    await this.room.disconnect();
  }

  async soundAllow(): Promise<void> {
    await this.room.startAudio();
  }

  private async join(url: string, token: string): Promise<void> {
    if (this.over) return;
    this.listen();
    captionsListen(this.room, (caption) => this.listener.caption(caption));
    await this.room.connect(url, token, { peerConnectionTimeout: connectTimeout, websocketTimeout: connectTimeout, maxRetries: 1 });
    if (this.room.state !== ConnectionState.Connected || !this.microphone) throw new CallFailure("unreachable");
    this.joined = true;
    await this.room.localParticipant.publishTrack(this.microphone, { source: Track.Source.Microphone });
    if (this.over) return;
    this.mouth = createAudioAnalyser(this.microphone, { cloneTrack: true });
    this.measure();
    this.listener.connected();
    this.room.remoteParticipants.forEach((participant) => this.seen(participant));
  }

  private listen(): void {
    this.room
      .on(RoomEvent.TrackSubscribed, (track) => this.play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.silence(track))
      .on(RoomEvent.ParticipantAttributesChanged, (_, participant) => this.seen(participant))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.listener.soundBlocked(!this.room.canPlaybackAudio))
      .on(RoomEvent.Reconnecting, () => this.listener.reconnecting())
      .on(RoomEvent.SignalReconnecting, () => this.listener.reconnecting())
      .on(RoomEvent.Reconnected, () => this.listener.reconnected())
      .on(RoomEvent.Disconnected, (reason) => this.finish(reason));
    this.microphone?.on(TrackEvent.Ended, () => this.over || this.listener.microphoneLost());
  }

  /** Atlas tells in its attributes what it does; Media Bot has none, so its ringing does not count as an answer. */
  private seen(participant: Participant): void {
    const state = participant.attributes["lk.agent.state"];
    if (participant.kind !== ParticipantKind.AGENT || !state) return;
    const activity: Activity = state === "listening" || state === "thinking" || state === "speaking" ? state : "waiting";
    if (activity !== "waiting" && !this.agentHeard) {
      this.agentHeard = true;
      this.listener.answered();
    }
    this.listener.activity(activity);
  }

  private play(track: RemoteTrack): void {
    if (track.kind !== Track.Kind.Audio || !track.sid) return;
    const player = track.attach();
    player.hidden = true;
    document.body.append(player);
    this.players.set(track.sid, player);
    this.ears.set(track.sid, createAudioAnalyser(track as Parameters<typeof createAudioAnalyser>[0]));
  }

  private silence(track: RemoteTrack): void {
    track.detach();
    this.players.get(track.sid ?? "")?.remove();
    void this.ears.get(track.sid ?? "")?.cleanup();
    this.players.delete(track.sid ?? "");
    this.ears.delete(track.sid ?? "");
  }

  private measure(): void {
    const theirs = Math.max(0, ...[...this.ears.values()].map((ear) => ear.calculateVolume()));
    this.listener.levels(this.mouth?.calculateVolume() ?? 0, theirs);
    this.frame = requestAnimationFrame(() => this.measure());
  }

  private finish(reason: DisconnectReason | undefined): void {
    const wasOver = this.over;
    this.close();
    if (wasOver || !this.joined) return;
    this.listener.ended(this.ending(reason));
  }

  private ending(reason: DisconnectReason | undefined): Ending {
    if (reason === DisconnectReason.CLIENT_INITIATED) return "by_me";
    if (reason === undefined || !goneForGood.has(reason)) return "lost";
    return this.agentHeard ? "by_them" : (refusalOf(this.room.metadata) ?? "unanswered");
  }

  /** Leaves nothing on: no microphone, no players, no loop. */
  close(): void {
    this.over = true;
    cancelAnimationFrame(this.frame);
    this.microphone?.stop();
    void this.mouth?.cleanup();
    this.ears.forEach((ear) => void ear.cleanup());
    this.players.forEach((player) => player.remove());
    if (this.room.state !== ConnectionState.Disconnected) void this.room.disconnect();
  }
}

async function microphoneOpen(): Promise<LocalAudioTrack> {
  if (!navigator.mediaDevices) throw new CallFailure("insecure");
  return createLocalAudioTrack({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
}
