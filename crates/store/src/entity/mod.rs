//! The tables as SeaORM sees them. They stay in this crate: the rest of the program sees `model`.

/// SeaORM wants rows that can be printed; what people are called and said cannot be, by accident or otherwise.
macro_rules! rows_without_words {
    ($($table:ident)+) => {$(
        impl std::fmt::Debug for $table::Model {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($table), "(…)"))
            }
        }
    )+};
}
use rows_without_words;

pub(crate) mod access;
pub(crate) mod calls;
pub(crate) mod people;
pub(crate) mod reach;
pub(crate) mod requests;
pub(crate) mod webhooks;
