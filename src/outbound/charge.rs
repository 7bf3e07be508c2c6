//! The provider's contract over HTTP, both directions, pure: `docs/payment-provider.md`.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::connect::Failure;
use super::egress::Refused;
use crate::domain::provider::{Call, Reply, reason};

/// The method, the address and the body of a call; `base` has been judged.
pub fn request(mut base: Url, key: &str, call: &Call) -> Result<(Method, Url, String), Refused> {
    {
        let mut path = base.path_segments_mut().map_err(|()| Refused::Malformed)?;
        path.pop_if_empty().extend(["charges", key]);
        if *call == Call::Void {
            path.push("void");
        }
    }
    let (method, body) = match call {
        Call::LookUp => (Method::GET, String::new()),
        Call::Charge { amount, token } => {
            let body = json!({ "amount": amount.amount, "currency": amount.currency, "token": token });
            (Method::PUT, body.to_string())
        }
        Call::Void => (Method::POST, String::new()),
    };
    Ok((method, base, body))
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    reason: Value,
}

/// What an answer says. Only the contract's own words are believed: a proxy or another server that happens to answer at
/// this address says nothing about money.
pub fn read(call: &Call, status: StatusCode, body: &[u8]) -> Result<Reply, Failure> {
    let answer = || serde_json::from_slice::<Answer>(body).map_err(|_| Failure::Unclear);
    if status == StatusCode::NOT_FOUND && *call == Call::LookUp {
        return match answer() {
            Ok(answer) if answer.status == "unknown" => Ok(Reply::NotFound),
            _ => Err(Failure::Status(404)),
        };
    }
    let created = status == StatusCode::CREATED && matches!(call, Call::Charge { .. });
    if status != StatusCode::OK && !created {
        return Err(refusal(status));
    }
    let answer = answer()?;
    match (answer.status.as_str(), call) {
        // A void of a declined charge has nothing to undo, and the decline binds the key.
        ("voided", _) | ("declined", Call::Void) => Ok(Reply::Voided),
        ("refunded", _) => Ok(Reply::Refunded),
        ("declined", _) => Ok(Reply::Declined { reason: reason(answer.reason.as_str().unwrap_or_default()) }),
        ("charged", Call::LookUp | Call::Charge { .. }) => Ok(Reply::Charged),
        _ => Err(Failure::Unclear),
    }
}

/// What a status that is no success means.
pub fn refusal(status: StatusCode) -> Failure {
    if status.is_redirection() { Failure::Redirect } else { Failure::Status(status.as_u16()) }
}

/// Whether an answer with this status can never become another: a 4xx, but for those by which a provider says that it is
/// too early, too much, or that another call with the key is under way.
pub fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 409, 425, 429].contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Money;

    fn charge() -> Call {
        Call::Charge { amount: Money::new(18_000, "KRW"), token: "tok_1".to_owned() }
    }

    #[test]
    fn each_call_has_its_address_below_the_providers() {
        let at = |base: &str, call: &Call| {
            let (method, url, body) = request(Url::parse(base).unwrap(), "jumun-1/2", call).unwrap();
            (format!("{method} {url}"), body)
        };
        assert_eq!(at("http://pay.example", &Call::LookUp).0, "GET http://pay.example/charges/jumun-1%2F2");
        let (line, body) = at("http://pay.example/v1/", &charge());
        assert_eq!(line, "PUT http://pay.example/v1/charges/jumun-1%2F2");
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            json!({ "amount": 18_000, "currency": "KRW", "token": "tok_1" })
        );
        let (line, body) = at("http://pay.example/v1?shop=7", &Call::Void);
        assert_eq!((line.as_str(), body.as_str()), ("POST http://pay.example/v1/charges/jumun-1%2F2/void?shop=7", ""));
    }

    #[test]
    fn what_can_never_become_another_answer_is_known() {
        assert!([400, 401, 403, 404, 405, 410, 422].into_iter().all(is_final));
        assert!(![202, 302, 408, 409, 425, 429, 500, 503].into_iter().any(is_final));
    }

    #[test]
    fn only_the_contracts_words_are_believed() {
        let declined = |reason: &str| Ok(Reply::Declined { reason: reason.to_owned() });
        for (call, status, body, read_as) in [
            (charge(), 200, r#"{"status":"charged"}"#, Ok(Reply::Charged)),
            (charge(), 201, r#"{"status":"charged","id":7}"#, Ok(Reply::Charged)),
            (charge(), 200, r#"{"status":"declined","reason":"no_funds"}"#, declined("NoFunds")),
            (charge(), 200, r#"{"status":"declined"}"#, declined("Declined")),
            (charge(), 200, r#"{"status":"declined","reason":51}"#, declined("Declined")),
            (charge(), 200, r#"{"status":"voided"}"#, Ok(Reply::Voided)),
            (charge(), 200, r#"{"status":"refunded"}"#, Ok(Reply::Refunded)),
            (charge(), 404, r#"{"status":"unknown"}"#, Err(Failure::Status(404))),
            (charge(), 200, r#"{"status":"unknown"}"#, Err(Failure::Unclear)),
            (charge(), 202, r#"{"status":"charged"}"#, Err(Failure::Status(202))),
            (charge(), 409, r#"{"status":"charged"}"#, Err(Failure::Status(409))),
            (charge(), 500, r#"{"status":"declined"}"#, Err(Failure::Status(500))),
            (charge(), 302, "", Err(Failure::Redirect)),
            (charge(), 200, "<html>charged</html>", Err(Failure::Unclear)),
            (charge(), 200, r#""charged""#, Err(Failure::Unclear)),
            (charge(), 200, "", Err(Failure::Unclear)),
            (Call::LookUp, 200, r#"{"status":"charged"}"#, Ok(Reply::Charged)),
            (Call::LookUp, 404, r#"{"status":"unknown"}"#, Ok(Reply::NotFound)),
            (Call::LookUp, 404, "404 page not found", Err(Failure::Status(404))),
            (Call::LookUp, 404, r#"{"status":404}"#, Err(Failure::Status(404))),
            (Call::LookUp, 200, r#"{"status":"unknown"}"#, Err(Failure::Unclear)),
            (Call::LookUp, 201, r#"{"status":"charged"}"#, Err(Failure::Status(201))),
            (Call::Void, 200, r#"{"status":"refunded"}"#, Ok(Reply::Refunded)),
            (Call::Void, 200, r#"{"status":"voided"}"#, Ok(Reply::Voided)),
            (Call::Void, 200, r#"{"status":"declined","reason":"x"}"#, Ok(Reply::Voided)),
            (Call::Void, 200, r#"{"status":"charged"}"#, Err(Failure::Unclear)),
            (Call::Void, 404, r#"{"status":"unknown"}"#, Err(Failure::Status(404))),
        ] {
            assert_eq!(read(&call, StatusCode::from_u16(status).unwrap(), body.as_bytes()), read_as, "{status} {body}");
        }
    }
}
