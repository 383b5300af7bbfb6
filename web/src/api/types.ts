// Short names for the wire types, so that only this file knows how the generated ones are nested.
import type { components as frames } from './frames';
import type { components as rest } from './rest';

export type ClientFrame = frames['schemas']['ClientFrame'];
export type ServerMessage = frames['schemas']['ServerMessage'];
export type Welcome = Extract<ServerMessage, { type: 'welcome' }>;
export type Signal = frames['schemas']['Signal'];
export type Ring = frames['schemas']['Ring'];
export type RingEndReason = frames['schemas']['RingEndReason'];
export type CallView = frames['schemas']['CallView'];
export type Person = frames['schemas']['Person'];
export type Notification = frames['schemas']['Notification'];
export type PersonState = frames['schemas']['PersonState'];
export type MediaMode = frames['schemas']['MediaMode'];
export type MediaPlan = frames['schemas']['MediaPlan'];
export type MediaState = frames['schemas']['MediaState'];
export type MediaOffer = frames['schemas']['MediaOffer'];
export type MediaTrack = frames['schemas']['MediaTrack'];
export type MediaReport = frames['schemas']['MediaReport'];
export type SendLimit = frames['schemas']['SendLimit'];
export type Shortage = frames['schemas']['Shortage'];
export type Still = Extract<ServerMessage, { type: 'still' }>;
export type MediaView = frames['schemas']['MediaView'];
export type LayerRate = frames['schemas']['LayerRate'];
export type Slot = frames['schemas']['Slot'];
export type Slots = Extract<ServerMessage, { type: 'slots' }>;
export type Source = frames['schemas']['Source'];
export type EndReason = frames['schemas']['EndReason'];
export type ServiceRequest = frames['schemas']['ServiceRequest'];
export type QueuePlace = frames['schemas']['QueuePlace'];
export type TeamRequests = frames['schemas']['TeamRequests'];
export type WaitingRequest = frames['schemas']['WaitingRequest'];
export type UserPresence = frames['schemas']['UserPresence'];

export type Reach = rest['schemas']['Reach'];
export type ReachChange = rest['schemas']['ReachChange'];
export type Rung = rest['schemas']['Rung'];
export type RungChannel = rest['schemas']['RungChannel'];
export type WeekHours = rest['schemas']['WeekHours'];
export type Weekday = rest['schemas']['Weekday'];
export type User = rest['schemas']['User'];
export type Contact = rest['schemas']['CallLogContact'];
export type CallLog = rest['schemas']['CallLog'];
export type CallLogPage = rest['schemas']['CallLogPage'];
export type CreateCallRequest = rest['schemas']['CreateCallRequest'];
export type HandOverRequest = rest['schemas']['HandOverRequest'];
export type UpdateCallRequest = rest['schemas']['UpdateCallRequest'];
/** Whom a request invites: somebody with an account, or a guest. */
export type Invited = { userDbId: number } | { displayName?: string; email?: string; phoneNumber?: string };
/** As the server names them. */
export type Team = { id: number; name: string };
export type DirectoryEntry = rest['schemas']['DirectoryEntry'];
export type Presence = rest['schemas']['Presence'];
export type IceServer = frames['schemas']['IceServer'];
export type GuestInvitation = rest['schemas']['GuestInvitation'];
export type IceServers = rest['schemas']['IceServers'];
export type Problem = rest['schemas']['Problem'];
export type LoginRequest = rest['schemas']['LoginRequest'];
