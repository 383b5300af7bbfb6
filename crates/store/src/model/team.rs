//! Teams, how they are rung, and what becomes of what waits for them.

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    pub id: i64,
    pub domain_id: i64,
    pub name: String,
    /// User ids, in the order in which they are rung.
    pub members: Vec<i64>,
    /// How it is rung, as a text that is not looked into here.
    pub settings: Option<String>,
    /// The team that is asked when nobody of this one answers.
    pub next: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTeam {
    pub name: String,
    pub members: Vec<i64>,
    pub settings: Option<String>,
    pub next: Option<i64>,
}

/// What becomes of service requests that wait for a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamQueue {
    pub team_id: i64,
    /// Another team of the domain, which may claim them as well after a time.
    pub escalate_to: Option<i64>,
    pub escalate_seconds: Option<i64>,
    /// When they are given up; none: as long as any call nobody comes to.
    pub expire_seconds: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedTeam {
    pub id: i64,
    pub name: String,
    /// What was wanted of its people.
    pub tags: Vec<String>,
}
