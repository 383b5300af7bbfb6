//! Everybody sends its picture in several sizes, and gets of the others the one it shows them at.

use std::collections::BTreeMap;

use farhand_client::clip::{Layer, Tally};
use uuid::Uuid;

use super::{
    Failure, Options,
    people::Person,
    scenario::deviation,
    story::Story,
    together::{contacts, watch},
};

/// Frames of a size, one after the other, that show that it is the one somebody gets.
const IN_A_ROW: u64 = 10;

pub(super) async fn play(
    people: &mut [Person; 3],
    call_id: Uuid,
    options: &Options,
    story: &Story,
) -> Result<(), Failure> {
    let clip = people[0].clip();
    let [low, middle, high] = clip.layers.as_slice() else {
        return deviation("The clip has not three sizes".to_owned());
    };
    story.tell(format!(
        "everybody sends its picture in three sizes: {}, {}, {}",
        words(low),
        words(middle),
        words(high)
    ));
    let (low, middle, high) = ((0, low), (1, middle), (2, high));
    one_size_each(people, call_id, [high, middle, low], options, story).await?;
    story.tell("everybody shows the others in another size now");
    one_size_each(people, call_id, [low, high, middle], options, story).await
}

/// A layer and its number, counted from the lowest.
type Size<'a> = (usize, &'a Layer);

fn words(layer: &Layer) -> String {
    format!("{} ({} lines)", layer.rid, layer.height)
}

async fn one_size_each(
    people: &mut [Person; 3],
    call_id: Uuid,
    sizes: [Size<'_>; 3],
    options: &Options,
    story: &Story,
) -> Result<(), Failure> {
    let contacts = contacts(people);
    let mut waiting = Vec::new();
    for (person, (number, layer)) in people.iter_mut().zip(sizes) {
        let others: Vec<i64> = contacts.iter().copied().filter(|other| Some(*other) != person.contact()).collect();
        person.shows(call_id, &others, layer.height.into()).await?;
        waiting.push(gets(person, others, number));
    }
    story.waits_for(&format!("{IN_A_ROW} frames in a row of the size everybody shows the others in"));
    watch(people, waiting, options, story).await?;
    for (person, (_, layer)) in people.iter().zip(sizes) {
        story.tell(format!(
            "{} shows the others with {} lines and gets {} of both, every byte as sent",
            person.name, layer.height, layer.rid
        ));
    }
    Ok(())
}

/// Done once frames of this size, and no other, come of all the others.
fn gets(person: &Person, others: Vec<i64>, layer: usize) -> impl Future<Output = ()> + use<> {
    let mut seen = person.by_sender();
    async move {
        let wanted = |tally: &Tally| tally.run.is_some_and(|run| run.layer == layer && run.frames >= IN_A_ROW);
        let all = |seen: &BTreeMap<i64, Tally>| others.iter().all(|other| seen.get(other).is_some_and(wanted));
        // The checker lives as long as the person.
        let _ = seen.wait_for(all).await;
    }
}
