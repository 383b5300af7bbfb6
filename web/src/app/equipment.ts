/** What this browser records with: its microphone, its cameras and, where it lets people choose one, a screen. */
import { acquire, cameras, share, type Want } from '../call/devices';

/** Track constraints as JSON, for machines too weak for the usual picture. */
const CAPTURE = 'farhand.capture';

export function equipment(facing: () => Want['facing']) {
  const { mediaDevices } = navigator;
  const stored = localStorage.getItem(CAPTURE);
  const video = stored ? (JSON.parse(stored) as MediaTrackConstraints) : undefined;
  // Phones have none to share, and plain http has no devices at all.
  const screens = mediaDevices && 'getDisplayMedia' in mediaDevices ? mediaDevices : undefined;
  return {
    acquire: (want: Want) => acquire(mediaDevices, { ...want, facing: facing() }, video),
    cameras: () => cameras(mediaDevices),
    share: screens ? () => share(screens) : undefined,
  };
}
