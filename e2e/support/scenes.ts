/** Drawings for the cameras of the people in the README's picture. */

const frame = (
  defs: string,
  drawing: string,
) => `<!doctype html><body style="margin:0"><svg xmlns="http://www.w3.org/2000/svg"
  viewBox="0 0 1280 720" width="1280" height="720"><defs>${defs}</defs>${drawing}</svg></body>`;

const fill = (id: string, from: string, to: string, turned = '') =>
  `<linearGradient id="${id}" ${turned}><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient>`;

const down = 'x1="0" y1="0" x2="0" y2="1"';

/** A pump with a gauge, and a leak under its flange. */
export const pump = frame(
  [
    fill('wall', '#8d99a6', '#5b6673', down),
    fill('floor', '#4a5058', '#30353b', down),
    fill('body', '#2f7fc1', '#174a78', down),
    fill('pipe', '#d9dee3', '#7d8790', down),
    fill('upright', '#d9dee3', '#7d8790'),
    fill('motor', '#6d7680', '#353b42', down),
  ].join(''),
  `<rect width="1280" height="720" fill="url(#wall)"/>
   <path d="M0 120H1280M0 250H1280M320 0V540M640 0V540M960 0V540" stroke="#4d5864" stroke-width="3" opacity=".35"/>
   <rect y="540" width="1280" height="180" fill="url(#floor)"/>
   <rect x="0" y="330" width="390" height="86" fill="url(#pipe)"/><rect x="352" y="306" width="34" height="134" rx="6" fill="#69737d"/>
   <rect x="470" y="0" width="92" height="250" fill="url(#upright)"/><rect x="446" y="214" width="140" height="34" rx="6" fill="#69737d"/>
   <circle cx="516" cy="376" r="150" fill="url(#body)"/><circle cx="516" cy="376" r="92" fill="#123a5e"/>
   <circle cx="516" cy="376" r="62" fill="#3b8fd3"/><circle cx="516" cy="376" r="18" fill="#0e2c47"/>
   <rect x="640" y="352" width="110" height="48" fill="#aab3bb"/>
   <rect x="730" y="268" width="370" height="220" rx="34" fill="url(#motor)"/>
   <path d="${Array.from({ length: 9 }, (_, i) => `M${780 + i * 34} 282V474`).join('')}" stroke="#2a3036" stroke-width="9"/>
   <rect x="1092" y="306" width="70" height="144" rx="20" fill="#4a525a"/>
   <path d="M400 520H640V560H400ZM770 484H1060V560H770Z" fill="#3b424a"/>
   <circle cx="262" cy="214" r="88" fill="#20262c"/><circle cx="262" cy="214" r="74" fill="#f6f7f4"/>
   <path d="M212 250A62 62 0 1 1 312 250" fill="none" stroke="#2f9e54" stroke-width="10"/>
   <path d="M312 250A62 62 0 0 0 322 200" fill="none" stroke="#d33a2f" stroke-width="10"/>
   <path d="M262 214L318 224" stroke="#c7281e" stroke-width="7" stroke-linecap="round"/><circle cx="262" cy="214" r="9" fill="#333"/>
   <rect x="254" y="298" width="16" height="36" fill="#8b949c"/>
   <path d="M370 440q-14 26 0 36q14-10 0-36M356 486q-11 20 0 28q11-8 0-28M386 500q-9 17 0 24q9-7 0-24" fill="#7cc6f2"/>
   <ellipse cx="372" cy="600" rx="150" ry="26" fill="#6fb4dd" opacity=".55"/>
   <rect x="836" y="340" width="150" height="64" rx="6" fill="#e8c33a"/>
   <text x="911" y="384" font-family="DejaVu Sans, sans-serif" font-size="34" font-weight="bold" text-anchor="middle" fill="#222">PUMP 7</text>`,
);

/** Somebody with a headset at a desk. */
export const expert = frame(
  [
    fill('room', '#f2e6d5', '#d6bfa0', down),
    fill('shirt', '#2d6a8f', '#1d4660', down),
    fill('screen', '#fff7e6', '#f0d9b0'),
  ].join(''),
  `<rect width="1280" height="720" fill="url(#room)"/>
   <rect x="90" y="80" width="300" height="240" rx="8" fill="url(#screen)"/><path d="M240 80V320M90 200H390" stroke="#c9ac80" stroke-width="10"/>
   <rect x="930" y="110" width="270" height="22" fill="#94704a"/><rect x="930" y="270" width="270" height="22" fill="#94704a"/>
   <path d="M950 110V34H980V110ZM990 110V50H1030V110ZM1040 110V26H1066V110ZM1080 270V180H1112V270ZM1122 270V196H1164V270Z" fill="#47708a"/>
   <path d="M330 720Q350 520 540 486L740 486Q930 520 950 720Z" fill="url(#shirt)"/>
   <path d="M560 500L640 590L720 500L700 430H580Z" fill="#e0a884"/>
   <ellipse cx="640" cy="320" rx="132" ry="160" fill="#edbb98"/>
   <path d="M506 320Q486 140 640 138Q800 140 776 320Q764 236 700 226Q600 250 540 230Q512 262 506 320Z" fill="#4b3426"/>
   <path d="M590 318h22M668 318h22" stroke="#33241a" stroke-width="14" stroke-linecap="round"/>
   <path d="M590 398Q640 440 690 398" fill="none" stroke="#a8543f" stroke-width="9" stroke-linecap="round"/>
   <path d="M500 320Q496 116 640 114Q786 116 780 320" fill="none" stroke="#23282d" stroke-width="18"/>
   <rect x="480" y="290" width="46" height="96" rx="22" fill="#23282d"/><rect x="754" y="290" width="46" height="96" rx="22" fill="#23282d"/>
   <path d="M502 384Q510 460 590 456" fill="none" stroke="#23282d" stroke-width="9"/><circle cx="596" cy="455" r="13" fill="#23282d"/>`,
);
