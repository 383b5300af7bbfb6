//! How the turns of teams are saved, and the teams that come next.

use std::time::Duration;

use farhand_domain::{
    call::{Hunt, Stage, Successor},
    ids::{ContactId, TeamId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::whole_millis;

#[derive(Serialize, Deserialize)]
pub(super) struct SavedHunt {
    team: i64,
    order: Vec<i64>,
    each_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SavedSuccessor {
    team: i64,
    of: Vec<i64>,
    after_ms: Option<u64>,
    stage: SavedStage,
}

#[derive(Serialize, Deserialize)]
enum SavedStage {
    Waits,
    From { at: i64 },
    Due { until: i64 },
}

fn ids(contacts: &[ContactId]) -> Vec<i64> {
    contacts.iter().map(|contact| contact.0).collect()
}

pub(super) fn write_hunt(Hunt { team, order, each }: &Hunt) -> SavedHunt {
    SavedHunt { team: team.0, order: ids(order), each_ms: whole_millis(*each) }
}

pub(super) fn read_hunt(SavedHunt { team, order, each_ms }: SavedHunt) -> Hunt {
    let order = order.into_iter().map(ContactId).collect();
    Hunt { team: TeamId(team), order, each: Duration::from_millis(each_ms) }
}

pub(super) fn write_successor(Successor { team, of, after, stage }: &Successor) -> SavedSuccessor {
    let stage = match *stage {
        Stage::Waits => SavedStage::Waits,
        Stage::From { at } => SavedStage::From { at: at.as_millis() },
        Stage::Due { until } => SavedStage::Due { until: until.as_millis() },
    };
    SavedSuccessor { team: team.0, of: ids(of), after_ms: after.map(whole_millis), stage }
}

pub(super) fn read_successor(SavedSuccessor { team, of, after_ms, stage }: SavedSuccessor) -> Successor {
    let stage = match stage {
        SavedStage::Waits => Stage::Waits,
        SavedStage::From { at } => Stage::From { at: Timestamp::from_millis(at) },
        SavedStage::Due { until } => Stage::Due { until: Timestamp::from_millis(until) },
    };
    let of = of.into_iter().map(ContactId).collect();
    Successor { team: TeamId(team), of, after: after_ms.map(Duration::from_millis), stage }
}
