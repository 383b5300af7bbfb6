import { describe, expect, it } from 'vitest';
import { knows, localTime, neighbours, occurrences, zoneNames } from '../src/call/zones';

const at = (utc: string) => Date.parse(`${utc}:00Z`);

describe('the clocks of a place', () => {
  it.each([
    ['Europe/Berlin', '2027-01-15T09:00', '2027-01-15T08:00', '+01:00'],
    ['Europe/Berlin', '2027-03-28T01:59', '2027-03-28T00:59', '+01:00'],
    ['Europe/Berlin', '2027-03-28T03:00', '2027-03-28T01:00', '+02:00'],
    ['America/New_York', '2027-03-14T03:00', '2027-03-14T07:00', '-04:00'],
    ['Australia/Lord_Howe', '2027-07-15T09:00', '2027-07-14T22:30', '+10:30'],
    ['Australia/Lord_Howe', '2027-10-03T02:30', '2027-10-02T15:30', '+11:00'],
    ['America/Sao_Paulo', '2027-11-07T00:30', '2027-11-07T03:30', '-03:00'],
    ['Asia/Kolkata', '2027-03-28T02:30', '2027-03-27T21:00', '+05:30'],
    ['UTC', '2027-10-31T02:30', '2027-10-31T02:30', '+00:00'],
  ])('in %s show %s once', (zone, local, utc, offset) => {
    expect(occurrences(local, zone)).toEqual([{ at: at(utc), offset }]);
    expect(localTime(at(utc), zone)).toBe(local);
  });

  it.each([
    ['Europe/Berlin', '2027-10-31T02:30', ['2027-10-31T00:30', '+02:00'], ['2027-10-31T01:30', '+01:00']],
    ['America/New_York', '2027-11-07T01:00', ['2027-11-07T05:00', '-04:00'], ['2027-11-07T06:00', '-05:00']],
    ['Australia/Lord_Howe', '2027-04-04T01:45', ['2027-04-03T14:45', '+11:00'], ['2027-04-03T15:15', '+10:30']],
  ])('in %s show %s twice', (zone, local, ...both) => {
    expect(occurrences(local, zone)).toEqual(both.map(([utc = '', offset]) => ({ at: at(utc), offset })));
  });

  it.each([
    ['Europe/Berlin', '2027-03-28T02:30', ['2027-03-28T01:30', '2027-03-28T03:30']],
    ['America/New_York', '2027-03-14T02:00', ['2027-03-14T01:00', '2027-03-14T03:00']],
    ['Australia/Lord_Howe', '2027-10-03T02:15', ['2027-10-03T01:45', '2027-10-03T02:45']],
  ])('in %s skip %s', (zone, local, instead) => {
    expect(occurrences(local, zone)).toEqual([]);
    expect(neighbours(local, zone)).toEqual(instead);
  });

  it('are there to choose from, the own ones among them', () => {
    const names = zoneNames('Asia/Calcutta');
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(['Asia/Calcutta', 'Europe/Berlin', 'UTC']));
    expect(new Set(names).size).toBe(names.length);
    expect([knows('Europe/Berlin'), knows('Mars/Base')]).toEqual([true, false]);
  });
});
