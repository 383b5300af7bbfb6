// Written by hand from crates/protocol in the shape openapi-typescript gives, until `npm run codegen` replaces it.

export interface paths {
  '/auth/login': {
    post: Operation<never, components['schemas']['LoginRequest'], components['schemas']['LoginResponse']>;
  };
  '/auth/refresh': {
    post: Operation<never, components['schemas']['RefreshRequest'], components['schemas']['LoginResponse']>;
  };
  '/auth/logout': { post: Operation<never, never, never> };
  '/auth/me': { get: Operation<never, never, components['schemas']['User']> };
  '/rtc/getCallLogById': { get: Operation<{ callId: string }, never, components['schemas']['CallLog']> };
  '/rtc/getCallLogs': {
    get: Operation<
      { status?: components['schemas']['CallStatus']; planned?: boolean; before?: number; limit?: number },
      never,
      components['schemas']['CallLogPage']
    >;
  };
  '/rtc/getIceServers': { get: Operation<never, never, components['schemas']['IceServers']> };
  '/rtc/getContacts': { get: Operation<never, never, components['schemas']['ContactList']> };
}

interface Operation<Query, Body, Answer> {
  parameters: { query?: Query; header?: never; path?: never; cookie?: never };
  requestBody?: [Body] extends [never] ? never : { content: { 'application/json': Body } };
  responses: {
    200: { headers: { [name: string]: unknown }; content: { 'application/json': Answer } };
    default: { headers: { [name: string]: unknown }; content: { 'application/problem+json': components['schemas']['Problem'] } };
  };
}

export interface components {
  schemas: {
    Role: 'admin' | 'expert' | 'technician' | 'connector';
    LoginRequest: { domain: string; userId: string; password: string };
    RefreshRequest: { refreshToken?: string | null };
    LoginResponse: {
      accessToken: string;
      refreshToken: string;
      tokenType: string;
      expiresIn: number;
      user: components['schemas']['User'];
    };
    User: {
      userDbId: number;
      userId: string;
      displayName: string;
      domain: string;
      roles: components['schemas']['Role'][];
      email?: string | null;
      phoneNumber?: string | null;
      operator: boolean;
    };
    CallType: 'MESH' | 'SFU';
    CallReason: 'STANDARD' | 'SERVICE_REQUEST';
    CallStatus: 'Planned' | 'Started' | 'Ended';
    CallLogContact: {
      id?: number | null;
      displayName?: string | null;
      domain?: string | null;
      email?: string | null;
      phoneNumber?: string | null;
      userDbId?: number | null;
      userId?: string | null;
    };
    TeamRef: { id?: number | null; name?: string | null; domain?: string | null };
    CreateCallRequest: {
      callTitle?: string | null;
      callReason?: components['schemas']['CallReason'];
      callType?: components['schemas']['CallType'];
      invitedContacts?: components['schemas']['CallLogContact'][];
      invitedTeams?: components['schemas']['TeamRef'][];
      joinAnonymousAllowed?: boolean;
      informOthersDirectly?: boolean;
      creatorUser?: number | null;
      plannedDateTime?: string | null;
    };
    CallLogEvent: { id: number; type: string; contact: components['schemas']['CallLogContact']; dateTime: string };
    CallHistoryItem: {
      type: string;
      dateTime: string;
      contactId?: number | null;
      channel?: string | null;
      state?: string | null;
      reason?: string | null;
    };
    CallLog: {
      id: number;
      callId: string;
      callTitle: string;
      callReason: components['schemas']['CallReason'];
      callType: components['schemas']['CallType'];
      callStatus: components['schemas']['CallStatus'];
      anonymousJoinAllow: boolean;
      joinAnonymousAllowed: boolean;
      informOthersDirectly: boolean;
      creatorUser?: number | null;
      creatorContact: components['schemas']['CallLogContact'];
      makerContact: components['schemas']['CallLogContact'];
      invitedContacts: components['schemas']['CallLogContact'][];
      invitedTeams: components['schemas']['TeamRef'][];
      plannedDateTime?: string | null;
      createdDateTime: string;
      startedDateTime?: string | null;
      endedDateTime?: string | null;
      callEvents: components['schemas']['CallLogEvent'][];
      callHistory: components['schemas']['CallHistoryItem'][];
    };
    CallLogPage: { calls: components['schemas']['CallLog'][]; next?: number | null };
    IceServer: { urls: string[]; username?: string | null; credential?: string | null };
    IceServers: { iceServers: components['schemas']['IceServer'][]; ttlSeconds: number };
    Presence: 'online' | 'inCall' | 'offline';
    DirectoryEntry: {
      userDbId: number;
      userId: string;
      displayName: string;
      domain: string;
      roles: components['schemas']['Role'][];
      presence: components['schemas']['Presence'];
    };
    ContactList: { users: components['schemas']['DirectoryEntry'][]; teams: components['schemas']['TeamRef'][] };
    Problem: {
      type: string;
      title: string;
      status: number;
      code: string;
      detail: string;
      pointer?: string | null;
      retryAfter?: number | null;
    };
  };
}
