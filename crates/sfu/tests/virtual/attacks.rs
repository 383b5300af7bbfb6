//! What strangers send.

use std::net::SocketAddr;

use crate::world::World;

fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 9], 5_555))
}

#[test]
fn a_stranger_leaves_no_trace() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    let known = world.sfu.known_addresses();
    let client_hello = [&[22, 0xfe, 0xfd][..], &[0; 200]].concat();
    let rtp = [&[0x80, 96][..], &[7; 100]].concat();
    for _ in 0..1_000 {
        for datagram in [&client_hello[..], &rtp, &[], &[0x00], &[0xff; 1_500]] {
            world.inject(stranger(), datagram);
        }
    }
    assert_eq!(world.sfu.known_addresses(), known);
    assert_eq!(world.sfu.counters().unknown, 5_000);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).frames_of(bob).len() > 10, "the call goes on");
}

#[test]
fn a_stun_request_with_the_right_name_but_without_integrity_moves_nothing() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    let known = world.sfu.known_addresses();
    let name = farhand_sfu::Place { worker: 1, room: crate::world::ROOM, peer: ann }.ufrag(0);
    let username = format!("{name}:abcd");
    let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    request.extend([1; 12]);
    request.extend([0x00, 0x06]);
    request.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    request.extend(username.bytes());
    request.resize(request.len().next_multiple_of(4), 0);
    let length = u16::try_from(request.len() - 20).unwrap();
    request[2..4].copy_from_slice(&length.to_be_bytes());
    for _ in 0..100 {
        world.inject(stranger(), &request);
    }
    assert_eq!(world.sfu.counters().refused, 100);
    assert_eq!(world.sfu.known_addresses(), known);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).frames_of(bob).len() > 10);
}

#[test]
fn a_check_of_an_old_generation_moves_nothing() {
    let mut world = World::new();
    let [ann, bob] = [1, 2].map(|id| world.join(id, 1));
    world.run(2_000);
    let old = world.client(ann).last_check.clone().unwrap();
    let (offer, tracks) = (world.client(ann).restart_ice(), world.client(ann).tracks());
    let answer = world.offer(ann, offer, tracks).unwrap();
    world.client(ann).answered(&answer);
    world.run(2_000);
    let (known, refused) = (world.sfu.known_addresses(), world.sfu.counters().refused);
    for _ in 0..100 {
        world.inject(stranger(), &old);
    }
    assert_eq!(world.sfu.known_addresses(), known);
    assert_eq!(world.sfu.counters().refused, refused + 100);
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).frames_of(bob).len() > 10, "the call goes on");
}

#[test]
fn each_peers_garbage_is_its_own_misfortune() {
    let mut world = World::new();
    let [ann, bob, cleo] = [1, 2, 3].map(|id| world.join(id, 2));
    world.run(2_000);
    let from = world.client(bob).address;
    let mut state: u32 = 1;
    for length in 0..1_400 {
        let garbage: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        world.inject(from, &garbage);
        for first in [0x00, 0x16, 0x17, 0x80, 0x81, 0xc8] {
            let mut garbage = garbage.clone();
            if let Some(byte) = garbage.first_mut() {
                *byte = first;
            }
            world.inject(from, &garbage);
        }
    }
    world.client(ann).forget_received();
    world.run(1_000);
    assert!(world.client(ann).frames_of(cleo).len() > 10, "the others' call goes on");
}
