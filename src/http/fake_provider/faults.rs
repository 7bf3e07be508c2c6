//! The faults that the fake provider can be told to have.

use serde::{Deserialize, Serialize};

/// Which call a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallKind {
    Charge,
    LookUp,
    Void,
}

/// A fault that is switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Switch {
    /// How many calls it still hits; absent: every one until it is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The calls it hits, where it is not only charges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<CallKind>,
    /// For `late`: after how many milliseconds the charge is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl Switch {
    /// On until it is changed.
    pub fn always() -> Self {
        Self::default()
    }

    /// On for this many calls.
    pub fn times(count: u32) -> Self {
        Self { count: Some(count), ..Self::default() }
    }

    /// The same, hitting these calls instead of charges.
    pub fn on(self, on: &[CallKind]) -> Self {
        Self { on: on.to_vec(), ..self }
    }
}

/// Every switch; what is absent is off. Where several hit one call, the first of this order does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Faults {
    /// Every call is refused with 503 and nothing is carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Switch>,
    /// Nothing is carried out, and nothing is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Switch>,
    /// Nothing is carried out, and the answer is 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<Switch>,
    /// Nothing is carried out, and the answer is 422: it will never be another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<Switch>,
    /// The call is carried out, and the connection breaks instead of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_reply: Option<Switch>,
    /// Charges alone: answered 504, and carried out `delayMs` later unless the key was voided by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Switch>,
    /// Charges alone: declined, whatever the token is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Switch>,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Down,
    Timeout,
    Fail,
    Refuse,
    LostReply,
    Late { delay_ms: u64 },
    Decline,
}

/// How late a charge is where nobody says otherwise, in milliseconds.
const DEFAULT_DELAY_MS: u64 = 1_000;

impl Faults {
    /// The fault that hits this call, counted down.
    pub fn take(&mut self, call: CallKind) -> Option<Fault> {
        let delay_ms = self.late.as_ref().and_then(|late| late.delay_ms).unwrap_or(DEFAULT_DELAY_MS);
        let (charges, all) = (&[CallKind::Charge][..], &[CallKind::Charge, CallKind::LookUp, CallKind::Void][..]);
        let switches = [
            (&mut self.down, all, Fault::Down),
            (&mut self.timeout, charges, Fault::Timeout),
            (&mut self.fail, charges, Fault::Fail),
            (&mut self.refuse, charges, Fault::Refuse),
            (&mut self.lost_reply, charges, Fault::LostReply),
            (&mut self.late, charges, Fault::Late { delay_ms }),
            (&mut self.decline, charges, Fault::Decline),
        ];
        let of_charges = |fault| matches!(fault, Fault::Late { .. } | Fault::Decline);
        let mut possible = switches.into_iter().filter(|(_, _, fault)| call == CallKind::Charge || !of_charges(*fault));
        possible.find_map(|(switch, usual, fault)| hit(switch, call, usual).then_some(fault))
    }
}

/// Counts the switch down where it is on and concerns the call.
fn hit(switch: &mut Option<Switch>, call: CallKind, usual: &[CallKind]) -> bool {
    let Some(on) = switch else { return false };
    let calls = if on.on.is_empty() { usual } else { &on.on };
    if !calls.contains(&call) {
        return false;
    }
    match &mut on.count {
        Some(0) => false,
        Some(count) => {
            *count -= 1;
            true
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_as_often_as_it_was_told_to() {
        let text = r#"{"fail":{"count":2},"lostReply":{"on":["void"]},"late":{"delayMs":5}}"#;
        let mut faults: Faults = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&faults).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap());
        let charges: Vec<_> = (0..4).map(|_| faults.take(CallKind::Charge)).collect();
        let late = Some(Fault::Late { delay_ms: 5 });
        assert_eq!(charges, [Some(Fault::Fail), Some(Fault::Fail), late, late]);
        assert_eq!(faults.take(CallKind::Void), Some(Fault::LostReply));
        assert_eq!(faults.take(CallKind::LookUp), None);
        assert!(serde_json::from_str::<Faults>(r#"{"dwon":{}}"#).is_err());
    }

    #[test]
    fn down_is_down_for_everybody() {
        let mut faults = Faults { down: Some(Switch::times(3)), ..Faults::default() };
        for call in [CallKind::Charge, CallKind::LookUp, CallKind::Void] {
            assert_eq!(faults.take(call), Some(Fault::Down));
        }
        assert_eq!(faults.take(CallKind::Charge), None);
    }
}
