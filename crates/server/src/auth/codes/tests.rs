use std::net::Ipv4Addr;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn address(last: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + last))
}

fn to_call(call: u128) -> Leads {
    Leads { call_id: Uuid::from_u128(call), domain_id: 1, guest: None }
}

fn refusal(outcome: Outcome<Leads>) -> (ErrorCode, Option<u64>) {
    let problem = outcome.unwrap_err().0;
    (problem.code, problem.retry_after)
}

/// A code that is not given out.
fn wrong(code: &str) -> String {
    let digits: u32 = code.parse().unwrap();
    format!("{:06}", (digits + 1) % ALL)
}

#[test]
fn a_code_leads_to_its_call_until_its_time_is_over_however_it_is_typed() {
    let codes = Codes::default();
    let (code, until) = codes.make(NOW, to_call(7)).unwrap();
    assert_eq!((code.len(), until), (6, NOW + CODE_LIFE));
    let spoken = format!(" {} - {}", &code[..3], &code[3..]);
    for typed in [&code, &spoken] {
        assert_eq!(codes.take(NOW, typed, address(1)).unwrap(), to_call(7));
    }
    assert_eq!(refusal(codes.take(until, &code, address(1))), (ErrorCode::CodeUnknown, None));
}

#[test]
fn a_new_code_ends_the_one_before_it_and_no_other() {
    let codes = Codes::default();
    let (first, _) = codes.make(NOW, to_call(7)).unwrap();
    let (other, _) = codes.make(NOW, to_call(8)).unwrap();
    let (second, _) = codes.make(NOW, to_call(7)).unwrap();
    assert_ne!(first, other);
    assert_eq!(codes.take(NOW, &other, address(1)).unwrap(), to_call(8));
    assert_eq!(codes.take(NOW, &second, address(1)).unwrap(), to_call(7));
    if first != second {
        assert_eq!(refusal(codes.take(NOW, &first, address(1))).0, ErrorCode::CodeUnknown);
    }
}

#[test]
fn a_guests_code_is_good_once() {
    let codes = Codes::default();
    let leads = Leads { guest: Some(ContactId(3)), ..to_call(7) };
    let (code, _) = codes.make(NOW, leads).unwrap();
    assert_eq!(codes.take(NOW, &code, address(1)).unwrap(), leads);
    assert_eq!(refusal(codes.take(NOW, &code, address(1))).0, ErrorCode::CodeUnknown);
}

#[test]
fn an_address_waits_after_five_wrong_ones_and_others_do_not() {
    let codes = Codes::default();
    let (code, _) = codes.make(NOW, to_call(7)).unwrap();
    for _ in 0..OF_ADDRESS {
        assert_eq!(refusal(codes.take(NOW, &wrong(&code), address(1))).0, ErrorCode::CodeUnknown);
    }
    assert_eq!(refusal(codes.take(NOW, &code, address(1))), (ErrorCode::TooManyAttempts, Some(600)));
    assert!(codes.take(NOW, &code, address(2)).is_ok());
    let later = NOW + ADDRESS_WAITS;
    assert_eq!(refusal(codes.take(later, &code, address(1))).0, ErrorCode::CodeUnknown, "it may try again");
}

#[test]
fn an_ipv6_network_is_one_address() {
    let codes = Codes::default();
    let (code, _) = codes.make(NOW, to_call(7)).unwrap();
    let of_network = |last: u128| IpAddr::V6((0x2001_0db8_u128 << 96 | last).into());
    for last in 0..OF_ADDRESS {
        let _ = codes.take(NOW, &wrong(&code), of_network(last.into()));
    }
    assert_eq!(refusal(codes.take(NOW, &code, of_network(99))).0, ErrorCode::TooManyAttempts);
}

#[test]
fn guesses_from_everywhere_are_limited_together_and_come_back_one_by_one() {
    let codes = Codes::default();
    let (code, _) = codes.make(NOW, to_call(7)).unwrap();
    for from in 0..BURST {
        assert_eq!(refusal(codes.take(NOW, &wrong(&code), address(from))).0, ErrorCode::CodeUnknown);
    }
    assert_eq!(refusal(codes.take(NOW, &code, address(100))), (ErrorCode::TooManyAttempts, Some(12)));
    let later = NOW + ONE_MORE_EACH;
    assert_eq!(refusal(codes.take(later, &wrong(&code), address(100))).0, ErrorCode::CodeUnknown);
    assert_eq!(refusal(codes.take(later, &code, address(101))).0, ErrorCode::TooManyAttempts);
    assert!(codes.take(later + ONE_MORE_EACH, &code, address(101)).is_ok());
}

#[test]
fn what_is_no_code_is_no_guess() {
    let codes = Codes::default();
    let (code, _) = codes.make(NOW, to_call(7)).unwrap();
    for typed in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６"] {
        assert_eq!(refusal(codes.take(NOW, typed, address(1))).0, ErrorCode::InvalidField, "{typed}");
    }
    assert!(codes.take(NOW, &code, address(1)).is_ok());
}

#[test]
fn codes_are_spread_over_all_there_are() {
    let drawn: Vec<u32> = (0..1_000).map(|_| draw().unwrap()).collect();
    assert!(drawn.iter().all(|digits| *digits < ALL));
    let tenths: std::collections::HashSet<u32> = drawn.iter().map(|digits| digits / (ALL / 10)).collect();
    assert_eq!(tenths.len(), 10);
}

#[test]
fn only_so_many_are_alive_at_once_and_no_domain_uses_them_up_for_others() {
    let codes = Codes::default();
    let of_domain = |domain_id, call: usize| Leads { domain_id, ..to_call(call as u128) };
    let full = |now, leads| {
        let refused = codes.make(now, leads).unwrap_err().0;
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::TooManyAttempts, Some(CODE_LIFE.as_secs())));
    };
    let domains = i64::try_from(MOST / MOST_OF_DOMAIN).unwrap();
    for domain in 1..=domains {
        for call in 0..MOST_OF_DOMAIN {
            codes.make(NOW, of_domain(domain, call)).unwrap();
        }
        full(NOW, of_domain(domain, MOST));
    }
    full(NOW, of_domain(domains + 1, 0));
    assert!(codes.make(NOW + CODE_LIFE, of_domain(1, MOST)).is_ok());
}
