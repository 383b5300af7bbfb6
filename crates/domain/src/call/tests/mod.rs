//! The rules of a call, one by one ([`story`] and the files of examples), and all of them at once: every short history
//! ([`exploration`]) and many long ones ([`histories`]) are held against [`invariants`], each of which must catch a
//! machine broken on purpose ([`mutants`]).

mod access;
mod alphabet;
mod brokered;
mod claims;
mod direct;
mod ending;
mod exploration;
mod histories;
mod hunts;
mod invariants;
mod machine;
mod mutants;
mod planned;
mod requests;
mod ringing;
mod seats;
mod setups;
mod story;
mod trail;
