//! What a run says while it goes on.

pub fn say(text: &str) {
    eprintln!("bench: {text}");
}
