//! The words between the operator and a payment provider; `docs/payment-provider.md` is the contract.
//!
//! ```text
//!  LookUp ─→ Charged | Declined | Refunded | Voided | NotFound
//!  Charge ─→ Charged | Declined | Refunded | Voided            the same key is charged at most once, ever
//!  Void   ─→ Refunded | Voided                                 and binds: a charge that arrives later takes nothing
//! ```
//!
//! Every call may also end as Unknown, which says nothing about the money: only a look-up or a void ends that.

use super::Money;

/// The longest reason of a decline, in bytes.
pub const MAX_REASON: usize = 64;

/// The idempotency key of an order's one charge: derived from the Order's UID.
pub fn key(order_uid: &str) -> String {
    format!("jumun-{order_uid}")
}

/// A customer's single-use token. It is worth money until it is used, so it never reaches a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What is asked of a provider about one key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// What became of the key.
    LookUp,
    /// Take the money, once; `token` is the customer's single-use token.
    Charge { amount: Money, token: String },
    /// Give back what was taken, and take nothing under this key from now on.
    Void,
}

/// The kinds of calls, in the order in which one decision after the other makes them.
pub const CALLS: [&str; 3] = ["look-up", CHARGE, "void"];
/// The call that takes the money.
pub const CHARGE: &str = "charge";

/// The id of a call of this kind about a key.
pub fn effect(key: &str, kind: &str) -> String {
    format!("{key}/{kind}")
}

impl Call {
    /// Its id, where it is about this key.
    pub fn id(&self, key: &str) -> String {
        let [look_up, charge, void] = CALLS;
        let kind = match self {
            Self::LookUp => look_up,
            Self::Charge { .. } => charge,
            Self::Void => void,
        };
        effect(key, kind)
    }
}

/// A token is worth money until it is used, so it never reaches a log.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LookUp => f.write_str("LookUp"),
            Self::Charge { amount, .. } => f.debug_struct("Charge").field("amount", amount).finish_non_exhaustive(),
            Self::Void => f.write_str("Void"),
        }
    }
}

/// What a provider said, or that we do not know what happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The money was taken and not given back.
    Charged,
    /// The money was not taken and will not be; `reason` is made by [`reason`].
    Declined { reason: String },
    /// The provider has never seen the key. An answer to [`Call::LookUp`] alone, and no promise: a charge may still be
    /// on its way.
    NotFound,
    /// The money was taken and has been given back.
    Refunded,
    /// Nothing was taken, and nothing will be.
    Voided,
    /// It will never answer this call otherwise: the charge, or a look-up or void, is refused with this HTTP status. That
    /// says nothing of what an earlier call with the key has done.
    Refused { charge: bool, status: u16 },
    /// Anything may have happened. `why` is a short sentence of ours in ASCII, never the provider's words.
    Unknown { why: String },
}

/// A provider's reason as one PascalCase word that fits a condition: ASCII letters and digits, beginning with a letter,
/// at most [`MAX_REASON`] bytes; `Declined` where nothing is left of it.
pub fn reason(text: &str) -> String {
    let mut word = String::new();
    let mut starts = true;
    for letter in text.chars() {
        if !letter.is_ascii_alphanumeric() {
            starts = true;
            continue;
        }
        if word.is_empty() && letter.is_ascii_digit() {
            word.push_str("Code");
        }
        if word.len() == MAX_REASON {
            break;
        }
        word.push(if starts { letter.to_ascii_uppercase() } else { letter });
        starts = false;
    }
    if word.is_empty() { "Declined".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_a_condition_whatever_the_provider_says() {
        for (said, kept) in [
            ("InsufficientFunds", "InsufficientFunds"),
            ("insufficient_funds", "InsufficientFunds"),
            ("do not honor!", "DoNotHonor"),
            ("51", "Code51"),
            ("한도 초과", "Declined"),
            ("", "Declined"),
            ("<script>\u{1b}[31m\n", "Script31m"),
        ] {
            assert_eq!(reason(said), kept, "{said:?}");
        }
        assert_eq!(reason(&"a".repeat(1_000)).len(), MAX_REASON);
        assert_eq!(reason(&"9".repeat(1_000)).len(), MAX_REASON);
    }

    #[test]
    fn a_token_is_not_printed() {
        let call = Call::Charge { amount: Money::new(9_000, "KRW"), token: "tok_secret".to_owned() };
        let printed = format!("{call:?}");
        assert!(printed.contains("9000") && !printed.contains("tok_secret"), "{printed}");
    }

    #[test]
    fn the_key_follows_from_the_order_alone() {
        assert_eq!(key("d1f0f2f4-0000-4000-8000-000000000001"), "jumun-d1f0f2f4-0000-4000-8000-000000000001");
    }
}
