// Calls an expert, and follows the call until it is over. Plain Node.js 20, no packages.
//
//   node connector.mjs [http://127.0.0.1:8080]

import { setTimeout as pause } from 'node:timers/promises';

const server = process.argv[2] ?? 'http://127.0.0.1:8080';
const account = { domain: 'ubimax', userId: 'connector1', password: 'demo' };

// What existing connectors send, to the letter. No content-type is set: Farhand reads JSON whatever it is.
const request = {
  callType: 'SFU',
  invitedContacts: [
    {
      userId: 'tester',
      userDbId: 8,
      email: 'test@test.com',
      domain: 'ubimax',
      displayName: 'Tester',
      phoneNumber: null,
    },
  ],
  invitedTeams: [],
  joinAnonymousAllowed: false,
  callTitle: 'New Call',
  plannedDateTime: null,
  callReason: 'STANDARD',
};

let token = await logIn();
let call = await ask('POST', '/rtc/createCall', request);
console.log(`Call ${call.callId} was created.`);

let told = 0;
for (;;) {
  for (const event of call.callEvents.slice(told)) {
    console.log(`${event.type} ${event.contact.userId}`);
  }
  told = call.callEvents.length;
  if (call.callStatus === 'Ended') break;
  await pause(1000);
  call = await ask('GET', `/rtc/getCallLogById?callId=${call.callId}`);
}

async function logIn() {
  const response = await fetch(`${server}/auth/login`, { method: 'POST', body: JSON.stringify(account) });
  return (await answer(response)).accessToken;
}

async function ask(method, path, body) {
  const send = () =>
    fetch(server + path, { method, body: body && JSON.stringify(body), headers: { authorization: `Bearer ${token}` } });
  let response = await send();
  if (response.status === 401) {
    // The call may last longer than the token.
    token = await logIn();
    response = await send();
  }
  return answer(response);
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.code}: ${body.detail}`);
  return body;
}
