//! What goes into which slot.

use super::{Notice, Peer, PeerId, Showing, Shown, Source};

/// Puts what is there into a participant's slots; what stays keeps its place. Returns how many found none.
pub(super) fn assign(peer: &mut Peer, there: &[(Showing, bool)], speaker: Option<PeerId>) -> usize {
    let mut missing = 0;
    for video in [false, true] {
        let mut wanted: Vec<(Showing, bool)> = there
            .iter()
            .copied()
            .filter(|(showing, _)| showing.peer != peer.id && showing.source.is_video() == video)
            .collect();
        // The most important ones first; the sort keeps the order of joining among equals.
        wanted.sort_by_key(|(showing, flows)| {
            let speaks = Some(showing.peer) == speaker;
            let screen = showing.source == Source::Screen;
            std::cmp::Reverse((screen && *flows, speaks && *flows, *flows, peer.shows(*showing)))
        });
        let slots = peer.slots.iter().filter(|slot| slot.video == video).count();
        // A sound must be there with its first word; a line for pictures that carries none wants no slot.
        missing += wanted.iter().filter(|(_, flows)| *flows || !video).count().saturating_sub(slots);
        wanted.truncate(slots);
        let mut slots: Vec<_> = peer.slots.iter_mut().filter(|slot| slot.video == video).collect();
        for slot in &mut slots {
            let stays = wanted.iter().position(|(showing, _)| slot.showing == Some(*showing));
            match stays {
                Some(index) => drop(wanted.remove(index)),
                None => slot.show(None),
            }
        }
        let free = slots.into_iter().filter(|slot| slot.showing.is_none());
        for (slot, (showing, _)) in free.zip(wanted) {
            slot.show(Some(showing));
        }
    }
    missing
}

pub(super) fn slots_notice(peer: &Peer, missing: usize) -> Notice {
    let shown = peer.slots.iter().filter_map(|slot| {
        let showing = slot.showing?;
        Some(Shown { mid: slot.mid.to_string(), peer: showing.peer, source: showing.source })
    });
    Notice::Slots { peer: peer.id, shown: shown.collect(), missing, rates: peer.rates() }
}
