//! The calls that are explored.

use std::time::Duration;

use super::story::{
    BROKER, COLLEAGUE, CREATOR, EXPERT, HOUR, LATECOMER, MINUTE, NIGHT_TEAM, START, TURN, by_mail, by_popup, device,
    hunt, request_in, then,
};
use crate::{
    call::{Hunt, Invited, Invitee, Successor, Technology, Terms},
    ids::{ContactId, DeviceId},
    policy::Policy,
};

pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) policy: Policy,
    pub(super) terms: Terms,
    pub(super) invitees: Vec<Invitee>,
    pub(super) brokers: Vec<ContactId>,
    pub(super) hunts: Vec<Hunt>,
    pub(super) successors: Vec<Successor>,
    pub(super) joined: Option<DeviceId>,
    /// Who may be invited later.
    pub(super) later: Vec<Invitee>,
    /// At least so many distinct states must be found, so that the exploration cannot shrink unnoticed.
    pub(super) floor: usize,
}

impl Setup {
    pub(super) fn invited(&self) -> Invited {
        let Self { invitees, brokers, hunts, successors, .. } = self;
        Invited {
            people: invitees.clone(),
            brokers: brokers.clone(),
            hunts: hunts.clone(),
            successors: successors.clone(),
        }
    }

    /// Everybody who can be in the call.
    pub(super) fn people(&self) -> Vec<ContactId> {
        let invited = self.invitees.iter().chain(&self.later).map(|invitee| invitee.contact);
        std::iter::once(self.terms.creator).chain(invited).collect()
    }
}

fn setup(name: &'static str, technology: Technology, max_participants: usize, floor: usize) -> Setup {
    Setup {
        name,
        policy: Policy { max_participants, ..Policy::default() },
        terms: Terms {
            technology,
            creator: CREATOR,
            maker: CREATOR,
            brokered: false,
            popup: true,
            planned_at: None,
            created_at: START,
            request: None,
        },
        invitees: vec![by_popup(EXPERT)],
        brokers: Vec::new(),
        hunts: Vec::new(),
        successors: Vec::new(),
        joined: None,
        later: Vec::new(),
        floor,
    }
}

fn brokered(setup: Setup) -> Setup {
    Setup {
        terms: Terms { maker: BROKER, brokered: true, ..setup.terms },
        invitees: vec![by_popup(EXPERT), by_popup(COLLEAGUE)],
        brokers: vec![BROKER],
        ..setup
    }
}

fn planned(setup: Setup) -> Setup {
    Setup { terms: Terms { planned_at: Some(START + 30 * MINUTE), ..setup.terms }, ..setup }
}

pub(super) fn direct_mesh() -> Setup {
    let setup = setup("direct MESH", Technology::Mesh, 2, 1_400);
    Setup { joined: Some(device(CREATOR)), later: vec![by_mail(LATECOMER)], ..setup }
}

pub(super) fn mesh_without_its_creator() -> Setup {
    let setup = setup("MESH for three, creator not in", Technology::Mesh, 3, 4_000);
    Setup { invitees: vec![by_popup(EXPERT), by_mail(COLLEAGUE)], ..setup }
}

/// Nobody is invited: people come by being invited later, or not at all.
pub(super) fn empty_sfu() -> Setup {
    let setup = setup("SFU with nobody invited", Technology::Sfu, 3, 4_800);
    Setup { invitees: Vec::new(), later: vec![by_popup(LATECOMER), by_mail(COLLEAGUE)], ..setup }
}

pub(super) fn brokered_mesh() -> Setup {
    brokered(setup("brokered MESH", Technology::Mesh, 2, 1_600))
}

pub(super) fn brokered_sfu() -> Setup {
    brokered(setup("brokered SFU for three", Technology::Sfu, 3, 2_500))
}

pub(super) fn planned_sfu() -> Setup {
    let setup = planned(setup("planned SFU for three", Technology::Sfu, 3, 25_000));
    Setup { invitees: vec![by_popup(EXPERT), by_popup(COLLEAGUE)], ..setup }
}

pub(super) fn planned_mesh() -> Setup {
    let setup = planned(setup("planned MESH", Technology::Mesh, 2, 13_000));
    Setup { later: vec![by_popup(LATECOMER)], ..setup }
}

/// Two of a team in turn, then another team.
fn in_turn(setup: Setup) -> Setup {
    let team = [EXPERT, COLLEAGUE];
    Setup {
        invitees: team.map(by_popup).to_vec(),
        hunts: vec![hunt(&team)],
        successors: vec![then(NIGHT_TEAM, &team, None)],
        ..setup
    }
}

pub(super) fn team_in_turn() -> Setup {
    let setup = in_turn(setup("MESH with a team in turn", Technology::Mesh, 2, 21_000));
    Setup { joined: Some(device(CREATOR)), ..setup }
}

pub(super) fn planned_team_in_turn() -> Setup {
    in_turn(planned(setup("planned MESH with a team in turn", Technology::Mesh, 2, 40_000)))
}

/// Somebody who has a team for when there is no answer.
pub(super) fn person_then_team() -> Setup {
    let setup = setup("MESH with a team behind somebody", Technology::Mesh, 2, 13_000);
    let successors = vec![then(NIGHT_TEAM, &[EXPERT], Some(TURN))];
    Setup { successors, later: vec![by_popup(LATECOMER)], ..setup }
}

/// For two teams, one after the other; an expert is invited by name, too.
pub(super) fn service_request() -> Setup {
    let setup = setup("service request", Technology::Mesh, 3, 30_000);
    let request = Some(request_in(&[(1, Duration::ZERO), (2, 10 * MINUTE)], HOUR));
    Setup { terms: Terms { request, ..setup.terms }, later: vec![by_popup(COLLEAGUE)], ..setup }
}

/// Waits in a queue while people of a team are rung in turn, and another team is behind them.
pub(super) fn service_request_and_team_in_turn() -> Setup {
    let setup = in_turn(setup("service request with a team in turn", Technology::Mesh, 3, 42_000));
    let request = Some(request_in(&[(1, Duration::ZERO)], HOUR));
    Setup { terms: Terms { request, ..setup.terms }, ..setup }
}

pub(super) fn all() -> [Setup; 12] {
    [
        direct_mesh(),
        mesh_without_its_creator(),
        empty_sfu(),
        brokered_mesh(),
        brokered_sfu(),
        planned_sfu(),
        planned_mesh(),
        team_in_turn(),
        planned_team_in_turn(),
        person_then_team(),
        service_request(),
        service_request_and_team_in_turn(),
    ]
}
