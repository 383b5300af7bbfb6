// Written by hand from crates/protocol/src/frame.rs in the shape openapi-typescript gives, until `npm run codegen` replaces it.
import type { components as rest } from './rest';

export interface components {
  schemas: {
    ClientFrame:
      | { type: 'hello'; protocol: number; accessToken?: string | null; deviceId: string; resume?: components['schemas']['Resume'] | null }
      | { type: 'createCall'; id: number; call: rest['schemas']['CreateCallRequest'] }
      | { type: 'join'; id: number; callId: string; rejoin?: number | null }
      | { type: 'decline'; id: number; callId: string }
      | { type: 'leave'; id: number; callId: string }
      | { type: 'end'; id: number; callId: string }
      | { type: 'ringAgain'; id: number; callId: string; contactId: number }
      | { type: 'signal'; callId: string; epoch: number; to: number; signal: components['schemas']['Signal'] }
      | { type: 'ping'; lastSeq: number };
    Resume: { sessionId: string; lastSeq: number };
    Signal:
      | { kind: 'offer'; sdp: string }
      | { kind: 'answer'; sdp: string }
      | {
          kind: 'candidate';
          candidate: string;
          sdpMid?: string | null;
          sdpMLineIndex?: number | null;
          usernameFragment?: string | null;
        }
      | { kind: 'restart' }
      | { kind: 'mediaState'; microphone: boolean; camera: boolean };
    ServerMessage: { seq?: number | null } & components['schemas']['ServerFrame'];
    ServerFrame:
      | {
          type: 'welcome';
          protocol: number;
          sessionId: string;
          resumed: boolean;
          user: rest['schemas']['User'];
          serverTime: string;
          pingSeconds: number;
          graceSeconds: number;
        }
      | { type: 'ok'; id: number; call?: components['schemas']['CallView'] | null }
      | { type: 'error'; id?: number | null; code: string; detail: string; pointer?: string | null }
      | { type: 'ring'; ring: components['schemas']['Ring'] }
      | { type: 'ringEnd'; callId: string; reason: components['schemas']['RingEndReason'] }
      | { type: 'call'; call: components['schemas']['CallView'] }
      | { type: 'moved'; callId: string }
      | { type: 'signal'; callId: string; epoch: number; from: number; signal: components['schemas']['Signal'] }
      | { type: 'presence'; users: components['schemas']['UserPresence'][] }
      | { type: 'pong' };
    UserPresence: { userDbId: number; presence: rest['schemas']['Presence'] };
    Ring: {
      callId: string;
      callTitle: string;
      callReason: rest['schemas']['CallReason'];
      callType: rest['schemas']['CallType'];
      from: rest['schemas']['CallLogContact'];
      popup: boolean;
      until: string;
    };
    RingEndReason: 'joined' | 'declined' | 'timedOut' | 'takenByOther' | 'callEnded';
    CallView: {
      callId: string;
      id: number;
      callTitle: string;
      callReason: rest['schemas']['CallReason'];
      callType: rest['schemas']['CallType'];
      callStatus: rest['schemas']['CallStatus'];
      plannedDateTime?: string | null;
      startedDateTime?: string | null;
      you?: number | null;
      seat: components['schemas']['Seat'];
      creator: number;
      people: components['schemas']['Person'][];
      mediaPlan?: components['schemas']['MediaPlan'] | null;
      endReason?: components['schemas']['EndReason'] | null;
      version: number;
    };
    Seat: 'none' | 'here' | 'elsewhere';
    EndReason: 'hungUp' | 'endedForAll' | 'missed' | 'declined' | 'connectionLost' | 'alone' | 'nobodyCame';
    Person: { contact: rest['schemas']['CallLogContact']; state: components['schemas']['PersonState']; online: boolean };
    PersonState:
      | 'waiting'
      | 'ringing'
      | 'joined'
      | 'reconnecting'
      | 'declined'
      | 'missed'
      | 'silenced'
      | 'left'
      | 'broker';
    MediaPlan: { mode: 'p2p' | 'sfu'; epoch: number; peer?: number | null; offerer: boolean };
  };
}
